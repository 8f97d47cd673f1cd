/** Opens a `file:` store: a client with a sign of life of its own, and whatever finds it a keeper. */
import type { Env } from "../../../env/index.ts"
import { BlobFolder } from "../blobs/blob-folder.ts"
import { ClientLock } from "../folder/client-lock.ts"
import { openFolder } from "../folder/folder.ts"
import { EmbeddedClient } from "./client.ts"
import { Dialer } from "./dial.ts"

export interface ConnectFolderOptions {
  /** `file:DIR`, or a path. */
  readonly address: string
  readonly env: Env
  /** Asserts every invariant after every command, where this client starts the keeper. */
  readonly check: boolean
  /** A file that tells the store's time instead of the machine (see env/file-clock.ts), for tests. */
  readonly clockFile?: string
}

/**
 * Connects to the store in a folder, making it where there is none.
 *
 * @throws HoldfastError ARGUMENT_INVALID, STORE_UNAVAILABLE, STORE_NEWER, STORE_DAMAGED, STORE_FULL
 */
export async function connectFolder(options: ConnectFolderOptions): Promise<EmbeddedClient> {
  const { address, env, check, clockFile = null } = options
  const folder = openFolder(address, env)
  const life = ClientLock.take(folder, env)
  const dialer = new Dialer({ env, folder, client: life.id, check, clockFile })
  const onClosed = async (): Promise<void> => {
    // The client's lines are closed by now, so its sessions are over before it counts as dead.
    await dialer.close()
    life.close()
  }
  try {
    const blobs = new BlobFolder(folder.blobs, life.id)
    return await EmbeddedClient.connect({ env, blobs, dial: (events, signal) => dialer.dial(events, signal), onClosed })
  } catch (error) {
    await onClosed()
    throw error
  }
}
