"""Messages of the program in Spanish, by their English templates.

``{}`` stands for a name or a value, ``{*}`` for another message of this table. The words of the
answers themselves lie with them, in ``reading/sentences.py`` and beside it.
"""

from __future__ import annotations

SPANISH = {
    # How a command ends
    "interrupted; {*}": "interrumpido; {}",
    "terminated; {*}": "detenido; {}",
    "what was finished is kept": "lo terminado se conserva",
    "{*}; free some space and run the command again": "{}; libere espacio y repita la orden",
    "{*}; choose another output folder": "{}; elija otra carpeta de salida",
    "{*}; check the permissions or choose another folder":
        "{}; revise los permisos o elija otra carpeta",
    "{}: No space left on device": "{}: no queda espacio en el disco",
    "{}: Permission denied": "{}: permiso denegado",
    "{}: Read-only file system": "{}: sistema de archivos de solo lectura",
    "{}: No such file or directory": "{}: no existe",
    "{}: Not a directory": "{}: no es una carpeta",
    "{}: Is a directory": "{}: es una carpeta",
    "{}: File name too long": "{}: nombre de archivo demasiado largo",
    "{}: no such file": "{}: no existe ese archivo",
    "{} is not installed. Install it with: {}": "falta el paquete {}. Instálelo con: {}",
    "the program {} is not installed. Install it with: {}":
        "falta el programa {}. Instálelo con: {}",
    "unknown language {} (choose from: {})": "idioma desconocido {} (elija entre: {})",
    # Arguments
    "argument {}: {*}": "argumento {}: {}",
    "expected one argument": "falta su valor",
    "expected at least one argument": "falta al menos un valor",
    "invalid choice: {} (choose from {})": "valor desconocido {} (elija entre {})",
    "invalid {} value: {}": "valor no válido: {1}",
    "unrecognized arguments: {}": "argumentos desconocidos: {}",
    "ambiguous option: {} could match {}": "opción ambigua: {} puede ser {}",
    "ignored explicit argument {}": "esta opción no lleva valor, y se dio {}",
    "not allowed with argument {}": "no se admite junto con {}",
    "the following arguments are required: {}": "faltan estos argumentos: {}",
    "expected a whole number of at least 1, got {}":
        "se esperaba un número entero desde 1, se dio {}",
    "expected pixels or per cent, 5 or 2%, got {}":
        "se esperaban píxeles o un porcentaje, 5 o 2%, se dio {}",
    "expected a whole number from {} to {}, got {}":
        "se esperaba un número entero de {} a {}, se dio {}",
    "expected a number from 0 to 1, got {}": "se esperaba un número de 0 a 1, se dio {}",
    "expected a number above 0, got {}": "se esperaba un número mayor que 0, se dio {}",
    "expected a number of at least 0, got {}": "se esperaba un número desde 0, se dio {}",
    "nothing to read: name photos, videos, folders or -, or use --interactive":
        "nada que leer: indique fotos, videos, carpetas o -, o use --interactive",
    "a camera or stream is read alone; name it in a command of its own":
        "una cámara o transmisión se lee aparte; indíquela en una orden propia",
    "--resume continues a table: name it with --csv FILE":
        "--resume continúa una tabla: indíquela con --csv ARCHIVO",
    "--redact and --save need different folders":
        "--redact y --save necesitan carpetas distintas",
    "--at {}: expected the time too, such as {}": "--at {}: falta la hora, como en {}",
    "--at {}: expected a moment such as {}": "--at {}: se esperaba un momento como {}",
    # What is written
    "{} holds an unfinished run: add --resume, or remove it":
        "{} contiene una lectura sin terminar: agregue --resume, o bórrelo",
    "{}: another run is writing this table; wait for its end, or name another table":
        "{}: otra ejecución está escribiendo esta tabla; espere a que termine, o indique otra",
    "{}: not a table of this command; name another file":
        "{}: no es una tabla de esta orden; indique otro archivo",
    "{}: not a file that can be replaced; name another":
        "{}: no es un archivo que se pueda reemplazar; indique otro",
    "{}: would overwrite the original; choose another folder or name":
        "{}: reemplazaría el original; elija otra carpeta u otro nombre",
    "{}: this OpenCV cannot write video ({} in WebM)":
        "{}: este OpenCV no puede escribir video ({} en WebM)",
    "{}: the video could not be finished; is the disk full?":
        "{}: no se pudo terminar el video; ¿está lleno el disco?",
    # Models and engines
    "this copy ships no plate finder ({} in artifacts/finder); name one with --model FILE":
        "esta copia no incluye el buscador de placas ({} en artifacts/finder); indique uno con "
        "--model ARCHIVO",
    "unknown OCR engine {} (choose from: {})": "motor de texto desconocido {} (elija entre: {})",
    "unknown runtime {} (choose from: {})": "motor desconocido {} (elija entre: {})",
    "{}: no runtime opens this file (known endings: {})":
        "{}: ningún motor abre este archivo (terminaciones conocidas: {})",
    "{} has no device {} (choose from: {})": "{} no tiene el dispositivo {} (elija entre: {})",
    "{}: no model spec in its metadata; export it again with: {}":
        "{}: el archivo no describe su modelo; expórtelo de nuevo con: {}",
    "tesseract failed: {}": "tesseract falló: {}",
    "EasyOCR cannot fetch its weights ({}); without a network: {}":
        "EasyOCR no puede obtener sus pesos ({}); sin red: {}",
    "{}: answers NaN or infinity on this runtime and device; take a file of higher precision, or "
    "convert it again":
        "{}: responde NaN o infinito con este motor y dispositivo; use un archivo de mayor "
        "precisión, o conviértalo de nuevo",
    # Rule files
    "no {} file named {} (choose from: {})":
        "en configs/{} no hay ningún archivo llamado {} (elija entre: {})",
    "no country named in {} (choose from: {})": "{} no nombra ningún país (elija entre: {})",
    "{} line {}: {}: {*}": "{} línea {}: {}: {}",
    "{}: cannot be read ({})": "{}: no se puede leer ({})",
    "{} line {}: not plain YAML ({*})": "{} línea {}: no es YAML simple ({})",
    "{} line {}: not UTF-8 ({})": "{} línea {}: no es UTF-8 ({})",
    "{} line {}: holds a control character: {}": "{} línea {}: contiene un carácter de control: {}",
    "{} line {}: the file is empty": "{} línea {}: el archivo está vacío",
    "nested more than {} levels deep": "anidado en más de {} niveles",
    "anchors and aliases (& and *) are not read": "anclas y alias (& y *) no se leen",
    "tags ({}) are not read": "etiquetas ({}) no se leen",
    "expected a mapping of names to values": "se esperaban nombres con valores",
    "given twice": "está dos veces",
    "unknown (choose from: {})": "desconocido (elija entre: {})",
    "lacks {}": "falta {}",
    "expected a list": "se esperaba una lista",
    "expected one value": "se esperaba un solo valor",
    "holds a control character: {}": "contiene un carácter de control: {}",
    "expected a whole number, got {}": "se esperaba un número entero, hay {}",
    "expected a number, got {}": "se esperaba un número, hay {}",
    "expected true or false, got {}": "se esperaba true o false, hay {}",
    "expected a positive slope and a min_confidence from 0 to 1":
        "se esperaba slope mayor que 0 y min_confidence de 0 a 1",
    "expected capitals and digits, got {}": "se esperaban mayúsculas y dígitos, hay {}",
    "expected at most {} symbols, got {}": "se esperaban {} símbolos como máximo, hay {}",
    "expected at most {} characters with the pattern":
        "se esperaban {} caracteres como máximo junto con el patrón",
    "expected {} to {}, got {}": "se esperaba de {} a {}, hay {}",
    "more than {} formats in all, prefixes times lengths":
        "más de {} formatos en total, prefijos por longitudes",
    "unknown symbol {} (known: {})": "símbolo desconocido {} (conocidos: {})",
    "{} does not fit the pattern": "{} no cumple el patrón",
    "expected at least one schedule": "se esperaba al menos una regla",
    "{} begins on {}, while {} holds until {*}":
        "{} comienza el {}, mientras {} rige hasta {}",
    "further notice": "nuevo aviso",
    "ends on {}, before it begins on {}": "termina el {}, antes de comenzar el {}",
    "expected digits 0 to 9, got {}": "se esperaban dígitos de 0 a 9, hay {}",
    "digit {} already belongs to {}": "el dígito {} ya pertenece a {}",
    "no weekday for the digits {}": "los dígitos {} no tienen día",
    "expected a start and a later end on the same day":
        "se esperaba un comienzo y un final posterior el mismo día",
    "expected a time such as 06:00, got {}": "se esperaba una hora como 06:00, hay {}",
    "expected a time without a zone, got {}": "se esperaba una hora sin zona horaria, hay {}",
    "{} lies outside the rule's own dates": "{} está fuera de las fechas de la regla",
    "{} is named twice": "{} está dos veces",
    "the range ends before it begins: {}": "el rango termina antes de comenzar: {}",
    "longer than {} days: {}": "más de {} días: {}",
    "lies before the last pause, {}": "es anterior a la última pausa, {}",
    "expected a date such as 2026-11-25, got {}": "se esperaba una fecha como 2026-11-25, hay {}",
    "unknown time zone {}": "zona horaria desconocida {}",
    "the package holidays does not know it ({})": "el paquete holidays no lo conoce ({})",
    "the package holidays does not know the country {}":
        "el paquete holidays no conoce el país {}",
    # Help and progress of read
    "reading": "leyendo",
    "usage: ": "uso: ",
    "positional arguments": "argumentos",
    "options": "opciones",
    "optional arguments": "opciones",
    "show this help message and exit": "mostrar esta ayuda y terminar",
    "PHOTO": "FOTO",
    "TIME": "HORA",
    "NAME": "NOMBRE",
    "NAME[,NAME]": "NOMBRE[,NOMBRE]",
    "FILE": "ARCHIVO",
    "DIR": "CARPETA",
    "Read plates: text, last digit and the day on which the vehicle may not circulate.":
        "Lee placas: texto, último dígito y el día en que el vehículo no puede circular.",
    "examples:": "ejemplos:",
    "more: {}": "más: {}",
    "photos, videos, folders, glob patterns, - for paths, a camera's index or address":
        "fotos, videos, carpetas, patrones, - para recibir nombres, el número o la dirección de "
        "una cámara",
    "read the drawn photos that ship": "leer las fotos dibujadas que se incluyen",
    "ask for one photo at a time": "preguntar por una foto tras otra",
    "answers": "respuestas",
    "language (default: that of the locale, now %(default)s)":
        "idioma (si no se indica: el de la configuración regional, ahora %(default)s)",
    "judge another moment": "juzgar otro momento",
    "plate formats, or any for none (%(default)s)":
        "formatos de placas, o any para ninguno (%(default)s)",
    "a restriction day, too, for what fits no format: foreign plates":
        "dar día de restricción también a lo que no tiene un formato conocido: placas extranjeras",
    "restriction rules, or none (%(default)s)":
        "reglas de restricción, o none para ninguna (%(default)s)",
    "digits below this are unsure (default: as calibrated)":
        "los dígitos por debajo son inseguros (si no se indica: lo calibrado)",
    "never assemble the full text": "no armar nunca el texto completo",
    "output": "salida",
    "print one line of JSON a photo": "escribir una línea de JSON por foto",
    "also write a table": "escribir también una tabla",
    "write pictures and videos with the answers": "escribir imágenes y videos con las respuestas",
    "write them with their plates blurred": "escribirlos con las placas borrosas",
    "continue the table of --csv": "continuar la tabla de --csv",
    "video, camera and network stream": "video, cámara y transmisión por red",
    "frames a second to look at, 0 for all (%(default)g)":
        "cuadros por segundo que se miran, 0 para todos (%(default)g)",
    "seconds without a frame until it is lost (%(default)g)":
        "segundos sin cuadros hasta darla por perdida (%(default)g)",
    "attempts to get a lost stream back (%(default)s)":
        "intentos de recuperar una transmisión perdida (%(default)s)",
    "engines": "motores",
    "box model (default: the shipped one)":
        "modelo que busca placas (si no se indica: el incluido)",
    "runtime to use (default: by the file's ending)":
        "motor que lo ejecuta (si no se indica: según la terminación del archivo)",
    "what runs the model: cpu, cuda, tensorrt, … by runtime, and nothing else in its place "
    "(default: the runtime's first, nearly always cpu)":
        "dónde corre el modelo: cpu, cuda, tensorrt, … según el motor, y nada más en su lugar (si "
        "no se indica: el primero del motor, casi siempre cpu)",
    "text engine (%(default)s)": "motor que lee el texto (%(default)s)",
    "look at every plate up to N times, until a look confirms the box (%(default)s)":
        "mirar cada placa hasta N veces, hasta que una mirada confirme su lugar (%(default)s)",
    "photos read at the same time (%(default)s)": "fotos que se leen a la vez (%(default)s)",
    "MB": "MB",
    "largest photo that is read, in MB (default: LIGHTNING_PLATES_MAX_FILE_MB, or else 2048)":
        "foto más grande que se lee, en megabytes (si no se indica: "
        "LIGHTNING_PLATES_MAX_FILE_MB, o 2048)",
    "threads for one photo (1; all cores for one at a time)":
        "hilos por foto (1; todos los núcleos si se leen de una en una)",
}  # fmt: skip
