/**
 * What several actors did and saw, as a checker reads it: each operation with the moment it was invoked and the moment
 * it returned. The moments come from one logical counter, since two readings of a clock can be equal or swapped while
 * the events were not.
 */

/** Stands for the output of an operation that nobody saw return. A symbol, since null and undefined are outputs. */
export const unseen: unique symbol = Symbol("unseen")

/** The type of {@link unseen}. */
export type Unseen = typeof unseen

/** An operation whose caller has its answer. */
export interface ReturnedOperation<Input, Output> {
  readonly actor: string
  readonly input: Input
  readonly invokedAt: number
  readonly returnedAt: number
  readonly output: Output
}

/** An operation whose caller never got an answer: it may have taken effect at any time since, or not at all. */
export interface PendingOperation<Input> {
  readonly actor: string
  readonly input: Input
  readonly invokedAt: number
  readonly returnedAt: null
  readonly output: Unseen
}

/** One operation of a history. Two operations are ordered when one returned at a lower number than the other was invoked. */
export type HistoryOperation<Input, Output> = ReturnedOperation<Input, Output> | PendingOperation<Input>

/** An operation under way. */
export interface Call<Output> {
  /** Records the answer. A call answers once; what is never answered stays pending. */
  returned(output: Output): void
}

/** Records a history while it happens. */
export class History<Input, Output> {
  readonly #operations: HistoryOperation<Input, Output>[] = []
  #counter = 0

  /** Records that `actor` asks for something; call it right before the asking, with nothing in between. */
  invoke(actor: string, input: Input): Call<Output> {
    const position = this.#operations.length
    const invokedAt = this.#counter++
    this.#operations.push({ actor, input, invokedAt, returnedAt: null, output: unseen })
    return {
      returned: (output) => {
        const isAnswered = this.#operations[position]?.returnedAt !== null
        if (isAnswered)
          throw new Error(`expected one answer to ${JSON.stringify(input)} of "${actor}", but got a second`)
        this.#operations[position] = { actor, input, invokedAt, returnedAt: this.#counter++, output }
      },
    }
  }

  /** Records `work` as one operation. When it throws, the operation stays pending: it may have taken effect. */
  async record(actor: string, input: Input, work: () => Output | Promise<Output>): Promise<Output> {
    const call = this.invoke(actor, input)
    const output = await work()
    call.returned(output)
    return output
  }

  /** What was recorded so far, in order of invocation. */
  get operations(): readonly HistoryOperation<Input, Output>[] {
    return [...this.#operations]
  }
}
