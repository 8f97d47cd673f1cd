/** The one error class of kernels and the threads that run them, and the one table of its codes. A code is API. */

/** Every code, with what it means. */
export const KERNEL_ERRORS = {
  KERNEL_INPUT_INVALID: "An image or parameter is not what the kernel computes on.",
  KERNEL_CANCELED: "Whoever asked for the result asked no longer, before it was there.",
  KERNEL_UNKNOWN: "No kernel has that name.",
  KERNELS_NOT_BUILT: "The inner loops of kernels are not where the build puts them.",
  THREAD_DIED: "The thread that computed ended before it was done.",
  POOL_CLOSED: "The threads were told to end.",
} as const

export type KernelErrorCode = keyof typeof KERNEL_ERRORS

export class KernelError extends Error {
  override readonly name = "KernelError"
  readonly code: KernelErrorCode

  constructor(code: KernelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Is this one, from whatever thread it comes? */
export function isKernelErrorCode(code: unknown): code is KernelErrorCode {
  return typeof code === "string" && Object.hasOwn(KERNEL_ERRORS, code)
}
