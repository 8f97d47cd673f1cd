/** `holdfast export DIR` and `holdfast import DIR`. */
import { systemEnv } from "../env/index.ts"
import { exportStore, findFolder, importStore } from "../stores/embedded/index.ts"
import { type Console, print } from "./console.ts"

export async function exportTo(console: Console, dir: string): Promise<void> {
  for await (const line of exportStore(findFolder(dir, systemEnv), systemEnv)) {
    if (console.out.destroyed) return
    await print(console.out, line)
  }
}

export async function importFrom(console: Console, dir: string, { merge }: { readonly merge: boolean }): Promise<void> {
  const changed = await importStore({ address: dir, env: systemEnv, input: console.in, merge })
  const { cells, runs, limits } = changed
  await print(
    console.out,
    `imported ${String(cells)} cells, ${String(runs)} runs and ${String(limits)} limits into ${dir}\n`,
  )
}
