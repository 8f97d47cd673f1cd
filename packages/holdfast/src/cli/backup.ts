/** `holdfast backup DIR FILE`, `holdfast restore FILE DIR` and `holdfast gc DIR`. */
import { systemEnv } from "../env/index.ts"
import { backUpStore, KeeperLine, reportStore, restoreStore } from "../stores/embedded/index.ts"
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

export async function collect(console: Console, dir: string, { vacuum }: { readonly vacuum: boolean }): Promise<void> {
  const line = await KeeperLine.open(dir, systemEnv)
  try {
    const before = (await reportStore(line, null)).sizes
    await line.ask({ kind: "compact", vacuum })
    const after = (await reportStore(line, null)).sizes
    const sizes = `journal ${bytes(before.journalBytes)} to ${bytes(after.journalBytes)}, log ${bytes(before.walBytes)} to ${bytes(after.walBytes)}`
    await print(console.out, `${line.folder.path}: ${sizes}\n`)
  } finally {
    await line.close()
  }
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
