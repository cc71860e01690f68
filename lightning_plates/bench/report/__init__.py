"""Reports: what a run left behind, read, compared and rendered as Markdown and HTML."""
