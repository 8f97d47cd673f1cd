/** Digests of image files, kept in the store, so that files that did not change are not hashed again. */
import type { Holdfast } from "holdfast"
import type { DigestCache, KnownDigest } from "../files/identity.ts"

/** Before the names of their cells. */
export const DIGEST_PREFIX = "imgql/file/"

export function storedDigests(store: Holdfast): DigestCache {
  return {
    get: async (path) => await cellOf(store, path).get(),
    put: async (path, known) => {
      await cellOf(store, path).set(known)
    },
  }
}

function cellOf(store: Holdfast, path: string): ReturnType<typeof store.cell<KnownDigest>> {
  return store.cell<KnownDigest>(`${DIGEST_PREFIX}${Buffer.from(path).toString("base64url").slice(0, 400)}`)
}
