/**
 * What a name stands for. Every name and callee of a checked program has one of these, so that whoever evaluates it asks
 * for no scopes: two names mean the same if they have the same binding.
 */
import type { Signature } from "./signature.ts"
import type { Binder, Expression, LetCommand, Program } from "./syntax.ts"

export type Binding = DefinitionBinding | LocalBinding | PrimitiveBinding | ProgramVariableBinding

/** A definition of this or an imported program. */
export interface DefinitionBinding {
  readonly kind: "definition"
  readonly command: LetCommand
  /** The program it stands in. */
  readonly program: Program
}

/** A parameter, or the variable of a `let … in`, `for` or `filter`. */
export interface LocalBinding {
  readonly kind: "local"
  readonly binder: Binder
}

/** A primitive, with all signatures the name has where it is used. */
export interface PrimitiveBinding {
  readonly kind: "primitive"
  readonly name: string
  readonly signatures: readonly Signature[]
}

/** One of `$stem`, `$file`, `$filename`, `$dir` and `$cwd`. */
export interface ProgramVariableBinding {
  readonly kind: "program-variable"
  readonly name: string
}

/** What each `name` stands for and each `call` calls. */
export type Bindings = ReadonlyMap<Expression, Binding>
