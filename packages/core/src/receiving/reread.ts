import { getReceived } from '../messages/read.ts'
import { contentGone } from '../messages/stored-reading.ts'
import type { Queue } from '../ports/queue.ts'
import type { Table } from '../ports/table.ts'
import { encodeReceiveEntry } from './entries.ts'

type RereadPorts = { readonly table: Table; readonly receiveQueue: Queue }

/**
 * Queues a message to be read again by the worker that reads all mail, the only process with the parser. Its event stays
 * what it was, and no webhook is sent again.
 * @throws {MailError} `not_found`
 */
export async function rereadReceived(ports: RereadPorts, accountId: string, id: string): Promise<void> {
  const { expiredAt } = await getReceived(ports.table, accountId, id)
  if (expiredAt !== undefined) throw contentGone(expiredAt)
  await ports.receiveQueue.send([{ body: encodeReceiveEntry({ kind: 'reread', accountId, id }) }])
}
