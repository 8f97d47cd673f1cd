/** A client of some database: what it does takes effect at once, and its answers take a while. */
export class Database {
  readonly #balances: Map<string, number>

  constructor(balances: Readonly<Record<string, number>>) {
    this.#balances = new Map(Object.entries(balances))
  }

  async read(account: string): Promise<number> {
    return await Promise.resolve(this.#balances.get(account) ?? 0)
  }

  async write(account: string, balance: number): Promise<void> {
    this.#balances.set(account, balance)
    await Promise.resolve()
  }
}

/** The service under test. It does not know that it is explored. */
export class Accounts {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async withdraw(account: string, amount: number): Promise<void> {
    const balance = await this.#database.read(account)
    if (balance < amount) throw new Error(`only ${balance} left`)
    await this.#database.write(account, balance - amount)
  }
}
