/**
 * Where values are in commands, outcomes and events: what may be large, and lie in a file while a reference travels.
 *
 * Views of runs carry the arguments and result for nobody to decode: there a reference stays one, and a listing of large
 * results reads none of them.
 */
import type { CellWrite, ClaimView, Command, RunSpec, RunView, StoreEvent, Value } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"

/** What becomes of one value. */
export type Change = (value: Value) => Value

/** The values a command brings to the store. */
export function valuesOf(command: Command): readonly Value[] {
  switch (command.kind) {
    case "claimRun":
    case "enqueueRun":
      return [command.spec.args]
    case "putResult":
      return [command.spec.args, command.result]
    case "completeRun":
      return [command.result]
    case "reportProgress":
      return [command.progress]
    case "commitCells": {
      const values = command.starts.map(({ args }) => args)
      for (const write of command.writes) if (write.kind !== "delete") values.push(write.value)
      if (command.step !== null) values.push(command.step.outcome)
      if (command.complete !== null) values.push(command.complete.result)
      return values
    }
    default:
      return NONE
  }
}

const NONE: readonly Value[] = []

/** The command with each of {@link valuesOf} changed. */
export function changeCommand(command: Command, change: Change): Command {
  switch (command.kind) {
    case "claimRun":
    case "enqueueRun":
      return { ...command, spec: changeSpec(command.spec, change) }
    case "putResult":
      return { ...command, spec: changeSpec(command.spec, change), result: change(command.result) }
    case "completeRun":
      return { ...command, result: change(command.result) }
    case "reportProgress":
      return { ...command, progress: change(command.progress) }
    case "commitCells": {
      const { step, complete } = command
      return {
        ...command,
        writes: command.writes.map((write) => changeWrite(write, change)),
        starts: command.starts.map((spec) => changeSpec(spec, change)),
        step: step === null ? null : { ...step, outcome: change(step.outcome) },
        complete: complete === null ? null : { ...complete, result: change(complete.result) },
      }
    }
    default:
      return command
  }
}

/** The outcome with every value changed that its receiver decodes. */
export function changeOutcome(outcome: StoreOutcome, change: Change): StoreOutcome {
  switch (outcome.kind) {
    case "settled": {
      const { settlement } = outcome
      if (settlement.kind !== "completed") return outcome
      return { ...outcome, settlement: { kind: "completed", result: change(settlement.result) } }
    }
    case "claimed":
      return { ...outcome, claim: changeClaim(outcome.claim, change) }
    case "run":
      return outcome.view === null ? outcome : { ...outcome, view: changeView(outcome.view, change) }
    case "runs":
      return { ...outcome, views: outcome.views.map((view) => changeView(view, change)) }
    case "cells":
      return {
        ...outcome,
        cells: outcome.cells.map((cell) => (cell.value === null ? cell : { ...cell, value: change(cell.value) })),
      }
    case "recorded":
      return { ...outcome, outcome: change(outcome.outcome) }
    default:
      return outcome
  }
}

/** The event with every value changed that its receiver decodes. */
export function changeEvent(event: StoreEvent, change: Change): StoreEvent {
  switch (event.kind) {
    case "runSettled": {
      const { settlement } = event
      if (settlement.kind !== "completed") return event
      return { ...event, settlement: { kind: "completed", result: change(settlement.result) } }
    }
    case "runAssigned":
      return { ...event, claim: changeClaim(event.claim, change) }
    case "cellChanged":
      return event.cell.value === null ? event : { ...event, cell: { ...event.cell, value: change(event.cell.value) } }
    case "runChanged":
      return { ...event, view: changeView(event.view, change) }
    default:
      return event
  }
}

function changeSpec(spec: RunSpec, change: Change): RunSpec {
  return { ...spec, args: change(spec.args) }
}

function changeWrite(write: CellWrite, change: Change): CellWrite {
  return write.kind === "delete" ? write : { ...write, value: change(write.value) }
}

function changeClaim(claim: ClaimView, change: Change): ClaimView {
  const steps = claim.steps.map(({ name, outcome }) => ({ name, outcome: change(outcome) }))
  return { ...claim, args: change(claim.args), steps }
}

function changeView(view: RunView, change: Change): RunView {
  return view.progress === null ? view : { ...view, progress: change(view.progress) }
}
