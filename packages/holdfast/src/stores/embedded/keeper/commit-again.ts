/**
 * A commit that comes again and is not known to have taken effect, which rests on what another keeper showed (C3, S4).
 *
 * Heads that died with that keeper have given their versions to other values since, so a version that is current does not
 * say that what was read is: such a commit lost the race. All else is decided as at the first time, and before that: a fence
 * that is gone (L8), a step that is recorded (O10), a version that is not current. Nothing has been written to a cell of
 * version 0 by any keeper, so what was absent there still is.
 */
import type { Command, CommitCells } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"

/** No cell ever has it. */
const NO_VERSION = -1

export function commitAgain(command: CommitCells, apply: (command: Command) => StoreOutcome): StoreOutcome {
  const doubtful = command.reads.find(({ version }) => version > 0)
  if (doubtful === undefined) return apply(command)
  const { name, version } = doubtful
  // Behind what it read, as the kernel looks at reads in their order.
  const outcome = apply({ ...command, reads: [...command.reads, { name, version: NO_VERSION }] })
  return outcome.kind === "conflict" && outcome.expected === NO_VERSION ? { ...outcome, expected: version } : outcome
}
