/** What can be wrong with a file, as codes, and the one error that carries them. A message says what was expected, found, and to do. */

/** Every code, with what it means in one sentence. */
export const FILE_ERRORS = {
  FILE_MISSING: "There is no such file.",
  FILE_UNREADABLE: "The file is there and cannot be read: permission, a folder, a device, a fault of the disk.",
  FILE_FORMAT_UNKNOWN: "Neither the name nor the content tells of a format that can be read or written.",
  FILE_FORMAT_UNSUPPORTED: "The format is known, and this use of it is not supported.",
  FILE_DAMAGED: "The content is not what its format asks for: cut short, altered, or never of that format.",
  FILE_TOO_LARGE: "The content, or what it says of itself, is above the bound the caller gave.",
  FILE_CHANGED: "The file was altered while it was read, or since its content was last looked at.",
  FILE_STUCK: "Reading or writing the file did not end within its time.",
  FILE_NOT_WRITABLE: "The file cannot be written there: permission, a full disk, something in its place.",
  FILE_OUTSIDE: "The name leads out of the folders in which files may be written, listed or loaded.",
  PATTERN_INVALID: "A pattern for names is none.",
  VALUE_NOT_SAVABLE: "The value cannot be written in the form the name asks for.",
  VALUE_NOT_SHOWABLE: "The values cannot be shown together.",
  BYTES_INVALID: "Stored bytes are no encoding of a value.",
} as const

export type FileErrorCode = keyof typeof FILE_ERRORS

/** A fault with a code. Read `code`, not the message. */
export class FileError extends Error {
  readonly code: FileErrorCode
  /** The file it is about, as the caller named it, or null where there is none. */
  readonly path: string | null

  constructor(code: FileErrorCode, message: string, options: { path?: string; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined)
    this.name = "FileError"
    this.code = code
    this.path = options.path ?? null
  }
}

/** Whether a thrown thing is such a fault (of `code`, when given), from whichever thread it came. */
export function isFileError(thrown: unknown, code?: FileErrorCode): thrown is FileError {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown) || !("name" in thrown)) return false
  if (thrown.name !== "FileError" || typeof thrown.code !== "string") return false
  return code === undefined ? Object.hasOwn(FILE_ERRORS, thrown.code) : thrown.code === code
}

/** The code the operating system gave, such as `ENOENT`, or an empty string. */
export function systemCode(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return ""
  return typeof thrown.code === "string" ? thrown.code : ""
}

/** The message of whatever was thrown, in one line. */
export function reasonOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).replace(/\s+/g, " ").trim().slice(0, 400)
}

/** A byte count as people read it. */
export function showBytes(count: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
  let at = 0
  let shown = count
  while (shown >= 1024 && at < units.length - 1) {
    shown /= 1024
    at += 1
  }
  return `${at === 0 ? String(shown) : shown.toFixed(1)} ${units[at] ?? ""}`
}
