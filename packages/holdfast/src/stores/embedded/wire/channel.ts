/**
 * One end of a connection that carries bytes: a socket between processes, a message port within one. Both carry the
 * same frames, so that whoever talks over one need not know which it is.
 */
import type { Socket } from "node:net"
import type { MessagePort } from "node:worker_threads"

export interface Channel {
  /** Bytes handed over that the other side has not taken yet. */
  readonly backlogBytes: number
  write(frames: readonly Uint8Array[]): void
  /** Whether it is read from. */
  setReading(isReading: boolean): void
  /** Whether it keeps the process alive. */
  keepAlive(isNeeded: boolean): void
  /** Ends it once everything written has left. */
  end(): void
  /** Ends it now. */
  destroy(): void
}

export interface ChannelEvents {
  onBytes(chunk: Uint8Array): void
  /** The backlog is gone. */
  onDrained(): void
  /** Told once, whichever side ended it and however. */
  onClosed(): void
}

export function socketChannel(socket: Socket, events: ChannelEvents): Channel {
  socket.on("data", (chunk: Buffer) => events.onBytes(chunk))
  socket.on("drain", () => events.onDrained())
  socket.on("close", () => events.onClosed())
  // Its close follows, which says all there is to know.
  socket.on("error", ignore)
  return {
    get backlogBytes() {
      return socket.writableLength
    },
    write: (frames) => {
      if (!socket.writable) return
      socket.cork()
      for (const frame of frames) socket.write(frame)
      socket.uncork()
    },
    setReading: (isReading) => {
      if (isReading) socket.resume()
      else socket.pause()
    },
    keepAlive: (isNeeded) => {
      if (isNeeded) socket.ref()
      else socket.unref()
    },
    end: () => {
      socket.end(() => socket.destroy())
    },
    destroy: () => {
      socket.destroy()
    },
  }
}

/** A port has no backlog that could be seen: both its ends are in one process and share its memory anyway. */
export function portChannel(port: MessagePort, events: ChannelEvents): Channel {
  port.on("message", (chunk: Uint8Array) => events.onBytes(chunk))
  port.on("close", () => events.onClosed())
  return {
    backlogBytes: 0,
    write: (frames) => {
      for (const frame of frames) port.postMessage(frame)
    },
    setReading: ignore,
    keepAlive: (isNeeded) => {
      if (isNeeded) port.ref()
      else port.unref()
    },
    end: () => {
      port.close()
    },
    destroy: () => {
      port.close()
    },
  }
}

function ignore(): void {
  // Nothing to do.
}
