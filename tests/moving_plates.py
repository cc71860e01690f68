"""Small videos for tests, written by OpenCV."""

import cv2
import numpy as np

SIZE = (320, 120)


def frame_of(number, step=8):
    """A grey street with a yellow plate of 40 × 20 pixels that moves to the right."""
    image = np.full((SIZE[1], SIZE[0], 3), 40, dtype=np.uint8)
    image[40:60, number * step : number * step + 40] = (240, 240, 20)
    return image


def save_video(path, frames, codec="MJPG", fps=10):
    """Write RGB ``frames`` to ``path``."""
    height, width = frames[0].shape[:2]
    code = cv2.VideoWriter_fourcc(*codec)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, fps, (width, height))
    assert writer.isOpened(), f"this OpenCV cannot write {codec} to {path.suffix}"
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path
