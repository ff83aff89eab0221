import { randomUUID } from 'node:crypto'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { type Condition, StoreError, type Table } from '@kabutar/core/ports/table.ts'
import { readRow, row } from '@kabutar/core/store/codec.ts'
import { receiptRulesLeaseKey } from '@kabutar/core/store/keys.ts'
import { writeIf } from '@kabutar/core/store/once.ts'

/** The right to change the receipt rules, for a limited time; SES has no conditional writes for them. */
export type ReceiptRuleLease = {
  /** True if the lease is ours for at least `ms` more. */
  lasts(ms: number): boolean
  /** @throws {StoreError} `Throttled` if another process has taken it */
  renew(): Promise<void>
  release(): Promise<void>
}

const LEASE_MS = 20_000
/** A request of the API may wait this long: its function ends at 29 s. */
const WAIT_MS = 10_000
const ASK_EVERY_MS = 250

/** Takes the lease of `name`. @throws {StoreError} `Throttled` if it is not free within 10 s */
export async function takeReceiptRuleLease(table: Table, clock: Clock, name: string): Promise<ReceiptRuleLease> {
  const owner = randomUUID()
  const key = receiptRulesLeaseKey(name)
  let until = 0
  const put = async (condition: Condition): Promise<boolean> => {
    const next = clock.now() + LEASE_MS
    const item = row('receipt-rules-lease', key, { owner, until: next })
    const taken = await writeIf(table, { kind: 'put', item, if: [condition] })
    if (taken) until = next
    return taken
  }
  const take = async (): Promise<boolean> => {
    const held = readRow('receipt-rules-lease', await table.get(key))
    if (held === undefined) return put({ exists: false })
    return (held.until as number) <= clock.now() && put({ attr: 'until', op: '=', value: held.until as number })
  }
  for (const end = clock.now() + WAIT_MS; !(await take()); await clock.sleep(ASK_EVERY_MS * (0.5 + Math.random()))) {
    if (clock.now() >= end) throw new StoreError('Throttled', 'another process is changing the receipt rules')
  }
  return {
    lasts: (ms) => clock.now() + ms < until,
    async renew() {
      if (!(await put({ attr: 'owner', op: '=', value: owner }))) {
        throw new StoreError('Throttled', 'another process is changing the receipt rules')
      }
    },
    async release() {
      try {
        await table.write({ kind: 'delete', key, if: [{ attr: 'owner', op: '=', value: owner }] })
      } catch (error) {
        // The lease also ends by itself.
        if (!(error instanceof StoreError)) throw error
      }
    },
  }
}
