import { isHoldfastError, open } from "holdfast"

const hf = await open("memory:")

await hf.lock("printer").run(async () => {
  // Somebody else, who must not inherit this scope, asks for the same lock and waits 10 ms at most.
  const outcome = await hf.detached(() => printWithin(10))
  console.log(outcome) // prints the printer is busy, try later
})
console.log(await printWithin(10)) // prints printed

await hf.close()

async function printWithin(waitMs: number): Promise<string> {
  try {
    return await hf.lock("printer").run(async () => "printed", { waitMs })
  } catch (error) {
    if (isHoldfastError(error, "LOCK_TIMEOUT")) return "the printer is busy, try later"
    throw error
  }
}
