/** Bytes that come piece by piece from whoever has them. */
import { Binary, HoldfastError } from "../kernel/index.ts"
import { checkOptions, describeType } from "./bounds.ts"
import { closedError } from "./refusal.ts"
import type { Session } from "./session.ts"

/** See `Holdfast.writeBinary`. */
export async function writeBinary(
  session: Session,
  source: AsyncIterable<Uint8Array>,
  options: { readonly signal?: AbortSignal },
): Promise<Binary> {
  checkOptions(options)
  const { signal = null } = options
  if (session.isClosed) throw closedError()
  signal?.throwIfAborted()
  const chunks = checkChunks(source, signal)
  if (session.blobs !== null) return await session.blobs.write(session.id, chunks)
  return Binary.of(await collect(chunks), session.env.sha256)
}

/**
 * The source's pieces, each seen to be bytes; the signal ends them also while the source takes its time.
 *
 * @throws HoldfastError ARGUMENT_INVALID for what is no source of bytes
 */
function checkChunks(source: AsyncIterable<Uint8Array>, signal: AbortSignal | null): AsyncIterable<Uint8Array> {
  const given: unknown = source
  if (typeof given === "object" && given !== null && Symbol.asyncIterator in given) return iterate(source, signal)
  throw invalid(describeType(source))
}

async function* iterate(source: AsyncIterable<Uint8Array>, signal: AbortSignal | null): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  const abort = abortOf(signal)
  let isOver = false
  try {
    for (;;) {
      const next = iterator.next()
      const result = abort === null ? await next : await Promise.race([next, abort.promise])
      if (result.done === true) {
        isOver = true
        return
      }
      const chunk: unknown = result.value
      if (!(chunk instanceof Uint8Array)) throw invalid(`a piece that is ${describeType(chunk)}`)
      yield chunk
    }
  } finally {
    abort?.stop()
    // A source that takes its time is told, and not waited for.
    if (!isOver) void iterator.return?.().catch(ignore)
  }
}

function abortOf(signal: AbortSignal | null): { readonly promise: Promise<never>; readonly stop: () => void } | null {
  if (signal === null) return null
  let stop = ignore
  const promise = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error) // Whatever the caller aborted with is what it is told.
    signal.addEventListener("abort", onAbort, { once: true })
    if (signal.aborted) onAbort()
    stop = () => signal.removeEventListener("abort", onAbort)
  })
  // Aborted while nobody waits: the next piece is refused all the same.
  promise.catch(ignore)
  return { promise, stop }
}

/** All pieces as one. */
async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    // The source may use its piece again once it is asked for the next.
    pieces.push(chunk.slice())
    length += chunk.length
  }
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const piece of pieces) {
    bytes.set(piece, offset)
    offset += piece.length
  }
  return bytes
}

function invalid(found: string): HoldfastError {
  return new HoldfastError(
    "ARGUMENT_INVALID",
    `writeBinary takes an async iterable of Uint8Array, such as a ReadableStream, found ${found}`,
  )
}

function ignore(): void {
  // Said elsewhere; see the call.
}
