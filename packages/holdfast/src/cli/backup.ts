/** `holdfast backup DIR FILE`, `holdfast restore FILE DIR` and `holdfast gc DIR`. */
import { systemEnv } from "../env/index.ts"
import { HoldfastError } from "../kernel/index.ts"
import {
  backUpStore,
  clearSetAside,
  clearUnfinished,
  evictResults,
  KeeperLine,
  reportStore,
  restoreStore,
} from "../stores/embedded/index.ts"
import { type Console, print } from "./console.ts"
import { bytes } from "./picture.ts"

export async function backUp(console: Console, dir: string, file: string): Promise<void> {
  const line = await KeeperLine.open(dir, systemEnv)
  try {
    const { journal, blobs } = await backUpStore(line, file, systemEnv)
    await print(console.out, `backed up ${line.folder.path} to ${file}: ${describe({ journal, blobs })}\n`)
  } finally {
    await line.close()
  }
}

export async function restore(console: Console, file: string, dir: string): Promise<void> {
  const { journal, blobs, takenAt } = await restoreStore(file, dir, systemEnv)
  const when = new Date(takenAt).toISOString()
  await print(console.out, `restored ${dir} from ${file} of ${when}: ${describe({ journal, blobs })}\n`)
}

export interface CollectOptions {
  readonly vacuum: boolean
  /** What large values may take; null leaves them. */
  readonly maxBytes: string | null
}

export async function collect(console: Console, dir: string, { vacuum, maxBytes }: CollectOptions): Promise<void> {
  const bound = maxBytes === null ? null : parseBytes(maxBytes)
  const line = await KeeperLine.open(dir, systemEnv)
  try {
    if (bound !== null) {
      const evicted = await evictResults({ address: dir, env: systemEnv, maxBytes: bound })
      await print(
        console.out,
        `${line.folder.path}: forgot ${String(evicted.runs)} results of ${bytes(evicted.bytes)} that can be computed again\n`,
      )
    }
    const left = clearUnfinished(line.folder, systemEnv)
    if (left > 0) await print(console.out, `${line.folder.path}: removed what ${String(left)} killed commands left\n`)
    const cleared = clearSetAside(line.folder, systemEnv)
    if (cleared > 0) {
      await print(
        console.out,
        `${line.folder.path}: removed ${String(cleared)} damaged files that were set aside and nothing needs\n`,
      )
    }
    const before = (await reportStore(line, null)).sizes
    await line.ask({ kind: "compact", vacuum })
    const after = (await reportStore(line, null)).sizes
    const sizes = `journal ${bytes(before.journalBytes)} to ${bytes(after.journalBytes)}, log ${bytes(before.walBytes)} to ${bytes(after.walBytes)}`
    await print(console.out, `${line.folder.path}: ${sizes}\n`)
  } finally {
    await line.close()
  }
}

function parseBytes(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(count)) return count
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    `--max-bytes takes a whole number of bytes from 0, found ${JSON.stringify(text)}; 1 GiB is 1073741824`,
  )
}

function describe({
  journal,
  blobs,
}: {
  journal: { readonly bytes: number }
  blobs: { readonly count: number; readonly bytes: number }
}): string {
  return `journal ${bytes(journal.bytes)}, ${String(blobs.count)} blobs of ${bytes(blobs.bytes)}`
}
