/** `holdfast keeper DIR`. */
import { systemEnv } from "../env/index.ts"
import { BUILD, keepStore } from "../stores/embedded/index.ts"
import { type Console, print } from "./console.ts"

export async function runKeeper(console: Console, dir: string, { wait }: { readonly wait: boolean }): Promise<void> {
  await keepStore({
    address: dir,
    env: systemEnv,
    wait,
    signal: console.interruptible(),
    onKept: (keeper, path) => {
      const who = keeper === null ? "a process that has not said who it is" : `process ${String(keeper.pid)}`
      void print(console.out, `waiting: ${who} keeps ${path}\n`)
    },
    onServing: (path) => {
      void print(console.out, `keeping ${path} (process ${String(process.pid)}, build ${BUILD})\n`)
    },
  })
}
