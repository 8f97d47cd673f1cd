/** Why a command did not do what it was asked, before anything was computed: what people read, and what the process ends with. */

export type CommandErrorCode =
  /** The words of the command are not right. */
  | "E_USAGE"
  /** A file that is named cannot be read or written. */
  | "E_FILE"
  /** The store is in use, or cannot do what is asked. */
  | "E_STORE"

export class CommandError extends Error {
  readonly code: CommandErrorCode

  constructor(code: CommandErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.name = "CommandError"
    this.code = code
  }
}

/** What went wrong, on one line, with its code behind it where it has one, as problems of programs have. */
export function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const code = codeOf(error)
  return `imgql: error: ${message}${code === null ? "" : ` [${code}]`}`
}

export function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null
}
