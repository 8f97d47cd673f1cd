/**
 * Frames: the bytes between two ends, which carry payloads of messages.
 *
 *     frame   = u32 big-endian: its top bit says that more of the payload follows, the others count the bytes · bytes
 *     payload = a CBOR array of messages, in one frame, or in several of which all but the last are full
 *
 * No checksum: a local socket and a message port deliver what was sent. Frames of a payload follow each other directly.
 *
 * Invariants of a splitter:
 *  1. It holds at most the bytes of one unfinished payload, and at most twice the memory they need.
 *  2. Memory grows with bytes received, never on the word of a length, and each byte is copied a bounded number of times.
 *  3. After a violation it takes nothing more: where the next frame starts cannot be known.
 */
import { HoldfastError } from "../../../kernel/index.ts"

/** Long enough that headers cost nothing, short enough that a reader gets on in steps. */
export const MAX_FRAME_BYTES: number = 1024 * 1024

/** Values above 32 KiB travel as files, so only a listing gets near this; it bounds what one peer can make the other hold. */
export const MAX_PAYLOAD_BYTES: number = 64 * 1024 * 1024

/** What a client may send in one payload: a keeper holds the unfinished one of every client. */
export const MAX_REQUEST_PAYLOAD_BYTES: number = 8 * 1024 * 1024

/** An array's head takes up to five bytes of a payload. */
const MAX_BATCH_HEAD_BYTES = 5

/** What one message may take, so that it fits a payload alone. */
export const MAX_ENCODED_BYTES: number = MAX_PAYLOAD_BYTES - MAX_BATCH_HEAD_BYTES

/** As much for what a client sends. */
export const MAX_REQUEST_BYTES: number = MAX_REQUEST_PAYLOAD_BYTES - MAX_BATCH_HEAD_BYTES

/** A full frame of the smallest messages is more, but nobody has so many to say at once. */
export const MAX_BATCH_COUNT = 65_536

const HEADER_BYTES = 4
const MORE_FOLLOWS = 0x8000_0000
const FIRST_BUFFER_BYTES = 4096

/**
 * Joins encoded messages, in order, to payloads and cuts these into frames. A payload of several messages fits one frame;
 * a larger message is alone in its payload.
 */
export function encodeFrames(messages: readonly Uint8Array[]): readonly Uint8Array[] {
  const frames: Uint8Array[] = []
  let first = 0
  while (first < messages.length) {
    const { end, byteCount } = nextBatch(messages, first)
    const head = arrayHead(end - first)
    const payloadBytes = head.length + byteCount
    if (payloadBytes <= MAX_FRAME_BYTES) frames.push(frameOf(head, messages.slice(first, end), payloadBytes))
    else cutPayload(frames, head, messages[first] as Uint8Array) // Below `messages.length`, and alone in its batch.
    first = end
  }
  return frames
}

function nextBatch(messages: readonly Uint8Array[], first: number): { end: number; byteCount: number } {
  let end = first
  let byteCount = 0
  for (; end < messages.length && end - first < MAX_BATCH_COUNT; end++) {
    const { length } = messages[end] as Uint8Array // Below `messages.length`.
    if (end > first && byteCount + length > MAX_FRAME_BYTES - MAX_BATCH_HEAD_BYTES) break
    byteCount += length
  }
  return { end, byteCount }
}

/** The head of a CBOR array in its shortest form. */
function arrayHead(count: number): readonly number[] {
  if (count < 24) return [0x80 | count]
  if (count < 0x100) return [0x98, count]
  if (count < 0x1_0000) return [0x99, count >>> 8, count & 0xff]
  return [0x9a, count >>> 24, (count >>> 16) & 0xff, (count >>> 8) & 0xff, count & 0xff]
}

function frameOf(head: readonly number[], messages: readonly Uint8Array[], payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + payloadBytes)
  writeHeader(frame, payloadBytes)
  frame.set(head, HEADER_BYTES)
  let offset = HEADER_BYTES + head.length
  for (const message of messages) {
    frame.set(message, offset)
    offset += message.length
  }
  return frame
}

function cutPayload(frames: Uint8Array[], head: readonly number[], message: Uint8Array): void {
  if (head.length + message.length > MAX_PAYLOAD_BYTES) {
    throw new HoldfastError(
      "ARGUMENT_INVALID",
      `a message must take at most ${String(MAX_ENCODED_BYTES)} bytes, found ${String(message.length)}; send less at once`,
    )
  }
  // The first frame has the array's head, so that much less of the message.
  let start = 0
  let before = head
  while (start < message.length) {
    const part = message.subarray(start, start + MAX_FRAME_BYTES - before.length)
    start += part.length
    const frame = frameOf(before, [part], before.length + part.length)
    if (start < message.length) writeHeader(frame, MORE_FOLLOWS + MAX_FRAME_BYTES)
    frames.push(frame)
    before = []
  }
}

function writeHeader(frame: Uint8Array, header: number): void {
  frame[0] = header >>> 24
  frame[1] = header >>> 16
  frame[2] = header >>> 8
  frame[3] = header
}

/** Finds the payloads in a stream of bytes, however it is cut. One splitter for each connection and direction. */
export class FrameSplitter {
  readonly #maxPayloadBytes: number
  #header = 0
  #headerBytes = 0
  /** Bytes of the current frame not received yet, once its header is complete. */
  #missingBytes = 0
  #hasMore = false
  /** The payload so far, in the first `#length` bytes of a buffer that grows. */
  #buffer = new Uint8Array(0)
  #length = 0
  /** What was wrong, once something was. */
  #violation: string | null = null

  /** @param maxPayloadBytes where a peer has no business sending long payloads, as before its hello */
  constructor(maxPayloadBytes: number = MAX_PAYLOAD_BYTES) {
    this.#maxPayloadBytes = maxPayloadBytes
  }

  /** Bytes of the unfinished payload, held until the rest of it comes. */
  get heldBytes(): number {
    return this.#length
  }

  /**
   * Takes the next bytes and gives the payloads they complete. A payload may lie in `chunk` itself: decode it, which
   * copies, before the chunk's memory is used for anything else.
   *
   * @throws HoldfastError ARGUMENT_INVALID where a header is none, now and ever after. Payloads before it are lost with
   * it, which is what closing the connection may always do.
   */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    if (this.#violation !== null) throwViolation(this.#violation)
    const payloads: Uint8Array[] = []
    let offset = 0
    while (offset < chunk.length) {
      if (this.#missingBytes === 0) {
        offset = this.#readHeader(chunk, offset)
        continue
      }
      const end = Math.min(chunk.length, offset + this.#missingBytes)
      const part = chunk.subarray(offset, end)
      offset = end
      this.#missingBytes -= part.length
      if (this.#missingBytes > 0 || this.#hasMore) this.#keep(part)
      else payloads.push(this.#finish(part))
    }
    return payloads
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    let offset = start
    while (offset < chunk.length && this.#headerBytes < HEADER_BYTES) {
      this.#header = ((this.#header << 8) | (chunk[offset] as number)) >>> 0 // Below the chunk's length.
      this.#headerBytes += 1
      offset += 1
    }
    if (this.#headerBytes === HEADER_BYTES) this.#startFrame()
    return offset
  }

  #startFrame(): void {
    const hasMore = this.#header >= MORE_FOLLOWS
    const byteCount = hasMore ? this.#header - MORE_FOLLOWS : this.#header
    if (byteCount === 0 || byteCount > MAX_FRAME_BYTES) {
      this.#refuse(`expected a frame of 1 to ${String(MAX_FRAME_BYTES)} bytes, found one of ${String(byteCount)}`)
    }
    if (hasMore && byteCount !== MAX_FRAME_BYTES) {
      this.#refuse(`expected a full frame before the last of a payload, found one of ${String(byteCount)} bytes`)
    }
    if (this.#length + byteCount > this.#maxPayloadBytes) {
      this.#refuse(`expected a payload of at most ${String(this.#maxPayloadBytes)} bytes, found a longer one`)
    }
    this.#hasMore = hasMore
    this.#missingBytes = byteCount
    this.#header = 0
    this.#headerBytes = 0
  }

  #keep(part: Uint8Array): void {
    const length = this.#length + part.length
    if (length > this.#buffer.length) this.#grow(length)
    this.#buffer.set(part, this.#length)
    this.#length = length
  }

  /** Doubles, so that bytes that come one by one are copied twice each on average. */
  #grow(length: number): void {
    const doubled = Math.min(2 * this.#buffer.length, this.#maxPayloadBytes)
    const buffer = new Uint8Array(Math.max(length, doubled, Math.min(FIRST_BUFFER_BYTES, this.#maxPayloadBytes)))
    buffer.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = buffer
  }

  #finish(part: Uint8Array): Uint8Array {
    if (this.#length === 0) return part
    this.#keep(part)
    const payload = this.#buffer.subarray(0, this.#length)
    // The payload is the receiver's now, and the next one gets a buffer of its own.
    this.#buffer = new Uint8Array(0)
    this.#length = 0
    return payload
  }

  #refuse(reason: string): never {
    this.#violation = reason
    this.#buffer = new Uint8Array(0)
    this.#length = 0
    throwViolation(reason)
  }
}

function throwViolation(reason: string): never {
  throw new HoldfastError("ARGUMENT_INVALID", `the peer's bytes are no frames: ${reason}; close the connection`)
}
