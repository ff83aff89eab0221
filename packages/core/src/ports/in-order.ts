import type { Table, Write } from './table.ts'

/** `writeInOrder` for a store whose writes are durable one by one. */
export function inOrder(write: Table['write']): Table['writeInOrder'] {
  return async (writes: readonly Write[]) => {
    for (const one of writes) await write(one)
  }
}
