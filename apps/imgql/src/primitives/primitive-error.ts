/** What primitives on plain values refuse, as codes. Kernels and files have tables of their own. */

export const PRIMITIVE_ERRORS = {
  ARGUMENT_INVALID: "An argument is not what the primitive computes with.",
  FORMAT_INVALID: "A format says what format_string does not know, or what does not suit the value.",
} as const

export type PrimitiveErrorCode = keyof typeof PRIMITIVE_ERRORS

export class PrimitiveError extends Error {
  override readonly name = "PrimitiveError"
  readonly code: PrimitiveErrorCode

  constructor(code: PrimitiveErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
