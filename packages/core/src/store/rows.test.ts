/** Every row that the product writes is listed in keys.ts, carries its format, and is refused in any other format. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import type { SESv2Client } from '@aws-sdk/client-sesv2'
import { takeReceiptRuleLease } from '@kabutar/aws/ses/receipt-rule-lease.ts'
import { settle } from '@kabutar/aws/ses/received-ids.ts'
import { sharedSendRate } from '@kabutar/aws/ses/send-rate.ts'
import { dueWaitingEntry, keepWaiting } from '@kabutar/aws/sqs/waiting-entries.ts'
import { dkimKeyOf, ensureDkimKey } from '@kabutar/local/identity/dkim-keys.ts'
import { testIdentities } from '@kabutar/testing/domains-rig.ts'
import { appended, received } from '@kabutar/testing/mailbox-rig.ts'
import { drainReceived, LETTER, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { DRAFT, drain, KEY, silent } from '@kabutar/testing/sending-rig.ts'
import { createAccount, listAccounts } from '../accounts/accounts.ts'
import { authenticate, createKey, listKeys } from '../accounts/keys.ts'
import { countMails, recentCounts } from '../accounts/reputation.ts'
import { storedBytes } from '../accounts/storage.ts'
import { holderOf } from '../domains/change.ts'
import { createDomain } from '../domains/create.ts'
import { claimDomain, domainOwner, listDomains } from '../domains/domains.ts'
import { dueWork } from '../due-work.ts'
import { mailboxesFor } from '../mailboxes/addresses.ts'
import { append } from '../mailboxes/append.ts'
import type { Arrival } from '../mailboxes/arrive.ts'
import { readState } from '../mailboxes/change.ts'
import { changesSince } from '../mailboxes/changes.ts'
import { deliver } from '../mailboxes/deliver.ts'
import { listDrafts, saveDraft } from '../mailboxes/drafts.ts'
import { listFolders, makeFolder, removeFolder } from '../mailboxes/folders.ts'
import { workOffMailbox } from '../mailboxes/jobs.ts'
import { listLabels, makeLabel } from '../mailboxes/labels.ts'
import { createMailbox, getMailbox } from '../mailboxes/mailboxes.ts'
import { findMessage, getThread, listThreadMails } from '../mailboxes/thread-mails.ts'
import { getWholeReceived, getWholeSent, listReceived, listSent } from '../messages/read.ts'
import { contentKey } from '../messages/references.ts'
import { appendedOf } from '../messages/rows.ts'
import { findThread } from '../messages/threads.ts'
import { createUpload, uploadSizes } from '../messages/uploads.ts'
import { ViewLinks } from '../messages/view-links.ts'
import type { LogFields } from '../ports/log.ts'
import type { Item, Key, Table, Write } from '../ports/table.ts'
import { pauseRelay, readPause } from '../sending/pauses.ts'
import { submit } from '../sending/submit.ts'
import { getSuppression, listSuppressions, suppress } from '../suppressions/suppressions.ts'
import { listDeliveries } from '../webhooks/deliveries.ts'
import { dispatchBatch } from '../webhooks/dispatch.ts'
import { dispatchState } from '../webhooks/dispatch-ports.ts'
import { createEndpoint, listEndpoints } from '../webhooks/endpoints.ts'
import { eventsOf } from '../webhooks/event.ts'
import { newCaches } from './cache.ts'
import { accountOfKey, ROWS, type RowKind } from './keys.ts'
import type { Box } from './mailbox-keys.ts'
import type { ListPage } from './pages.ts'
import { sweep } from './sweep.ts'

const WAITING = { id: '1', body: 'an entry', attempt: 2, sentAt: 0, handle: '' }
const never = new AbortController().signal
const LONG_DRAFT = { ...DRAFT, text: randomBytes(1500).toString('hex') }
/** Nobody reads more than the key of these kinds, except that conditions read the number of a count. */
const NEVER_READ = ['outbox-kind', 'day', 'delivery-day', 'count', 'thread-order'] as const satisfies readonly RowKind[]

/** The table, and the keys of everything that is written to it. */
function recorded(table: Table): { readonly table: Table; readonly keys: Map<string, Key> } {
  const keys = new Map<string, Key>()
  const note = (writes: readonly Write[]) => {
    for (const write of writes) {
      const { pk, sk } = write.kind === 'put' ? write.item : write.key
      if (write.kind !== 'check') keys.set(`${pk} ${sk}`, { pk, sk })
    }
  }
  const recording: Table = {
    ...table,
    write(write) {
      note([write])
      return table.write(write)
    },
    writeInOrder(writes) {
      note(writes)
      return table.writeInOrder(writes)
    },
    transact(writes, options) {
      note(writes)
      return table.transact(writes, options)
    },
  }
  return { table: recording, keys }
}

/** The kinds whose shape a key has. */
function kindsOf({ pk, sk }: Key): RowKind[] {
  const matches = (pattern: string, text: string) => {
    const parts = pattern.split(/<[^>]+>/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(`^${parts.join('[^#]+')}$`).test(text)
  }
  const kinds = Object.keys(ROWS) as RowKind[]
  return kinds.filter((kind) => matches(ROWS[kind].pk, pk) && matches(ROWS[kind].sk, sk))
}

type Ports = Omit<ReceiveRig, 'table'> & { readonly table: Table }
type Written = {
  readonly message: string
  readonly received: string
  readonly endpoint: string
  readonly token: string
  readonly upload: string
  readonly mail: MailboxRows
}

const VIEWED = { accountId: 'a', direction: 'sent', id: '', images: false } as const

/** One row of each kind, by the operations that write them. */
async function writeAll(rig: ReceiveRig, table: Table): Promise<Written> {
  const ports = { ...rig, table, identities: testIdentities() }
  await claimDomain(ports, 'a', 'own.test')
  await createAccount(ports, 'A')
  await new ViewLinks(ports).sign(VIEWED)
  const { token } = await createKey(ports, 'a', { name: 'k', permission: 'full_access' })
  await createDomain(ports, 'a', { name: 'claimed.test' })
  await ensureDkimKey(table, 'kabutar.test')
  await suppress(ports, 'a', { address: 'x@y.test', origin: 'manual' })
  const { id: endpoint } = await createEndpoint(ports, 'a', { url: 'https://a.test/', events: ['email.sent'] })
  const { id: upload } = await createUpload(ports, 'a', 9)
  ports.relay.answer = () => ({ relayId: 'r', messageId: '<seen@relay.test>', outcome: 'sent', rejected: [] })
  const { id: message } = await submit(ports, KEY, LONG_DRAFT, 'key')
  await drain(ports)
  const [received = ''] = await take(ports, LETTER)
  assert.deepEqual(await drainReceived(ports), [])
  await writeRest(ports)
  const mail = await writeMailbox(ports)
  return { message, received, endpoint, token, upload, mail }
}

type MailboxRows = { readonly box: Box; readonly letter: Arrival; readonly appended: string; readonly folder: string }

/** A mailbox with a message, an appended one, a draft and a label; a folder of it is removed. */
async function writeMailbox(ports: Ports): Promise<MailboxRows> {
  const { id: mailboxId } = await createMailbox(ports, 'a', { name: 'Ada', addresses: ['ada@kabutar.test'] })
  const box = { accountId: 'a', mailboxId }
  const letter = await received(ports, 'a')
  await deliver(ports, box, [letter])
  const draft = appended(ports, 'a')
  await append(ports, box, 'sent', [draft])
  await saveDraft(ports, box, { id: ports.ids.next(), fields: {} })
  await makeLabel(ports, box, { name: 'L', color: '#000000' })
  const { id: folder } = await makeFolder(ports, box, { name: 'F' })
  await removeFolder(ports, box, folder)
  return { box, letter, appended: draft.message.id, folder }
}

async function writeRest(ports: Ports): Promise<void> {
  const { table, clock } = ports
  const answer = { status: 200, headers: {}, body: Buffer.from(''), truncated: false }
  const client = { timeoutMs: 1000, ready: async () => {}, close() {}, request: async () => answer }
  const batch = await ports.webhookQueue.receive({ max: 10, visibilityMs: 1000, waitMs: 0 })
  const dispatching = { ...ports, client, ...dispatchState(client, ports), userAgent: '' }
  assert.deepEqual(await dispatchBatch(dispatching, batch, new AbortController().signal), [])
  await countMails(ports, 'a', { sent: 1000, bounced: 900, complained: 0 })
  await pauseRelay(ports, 'quota', 1000)
  await sweep(ports, dueWork(ports))
  await settle(table, 'inbound/1', { at: 1, owner: 'a' }, clock.now())
  await takeReceiptRuleLease(table, clock, 'rules')
  await sendRate(ports)
  await keepWaiting(ports, 'receive', async () => [{ id: '1', retryInMs: 1, waits: true }])([WAITING], never)
}

/** The rate as a worker reads it, with an SES that answers. */
function sendRate({ table, clock, log }: Ports): Promise<number | undefined> {
  const client = { send: async () => ({ SendQuota: { MaxSendRate: 14 } }) } as unknown as SESv2Client
  return sharedSendRate(client, { table, clock, log, random: Math.random })()
}

async function readAppended(table: Table, id: string): Promise<unknown> {
  return appendedOf((await table.get(contentKey('a', { direction: 'appended', id }))) ?? assert.fail())
}

/** A reply by References, or by its subject if the letter has no Message-ID. */
async function deliverReply(ports: Ports, { box, letter }: MailboxRows): Promise<unknown> {
  const some = { references: letter.messageIds, messageIds: [], subject: `Re: ${letter.subject}` }
  return deliver(ports, box, [await received(ports, 'a', some)])
}

/** Throws the error of a row that is left out with an error line. */
const throwing = ({ table }: Ports) => ({
  table,
  log: {
    ...silent,
    error(_: string, { error }: LogFields = {}) {
      throw error
    },
  },
})

/** A list leaves the row out and names it; everything else fails. */
async function refused(read: Promise<unknown>): Promise<void> {
  const { skipped = [] } = ((await read) ?? {}) as Partial<ListPage<unknown>>
  if (skipped[0] !== undefined) throw skipped[0].error
}

describe('every row', () => {
  let rig: ReceiveRig
  let written: Written
  const rows: { readonly kind: RowKind; readonly item: Item }[] = []

  before(async () => {
    rig = await receivePorts()
    const { table, keys } = recorded(rig.table)
    written = await writeAll(rig, table)
    for (const key of keys.values()) {
      const item = await rig.table.get(key)
      const kinds = kindsOf(key)
      assert.equal(kinds.length, 1, `${key.pk} / ${key.sk} is of ${kinds.length} kinds: ${kinds}`)
      if (item !== undefined && kinds[0] !== undefined) rows.push({ kind: kinds[0], item })
    }
  })

  test('is listed, and all that is listed is written', () => {
    assert.deepEqual([...new Set(rows.map(({ kind }) => kind))].sort(), Object.keys(ROWS).sort())
  })

  test('carries its format', () => {
    for (const { kind, item } of rows) assert.equal(item.format, ROWS[kind].format, `${item.pk} / ${item.sk}`)
  })

  const storageRow = () => rows.find(({ kind }) => kind === 'storage')?.item ?? { pk: '', sk: '' }
  const reads: Readonly<Record<Exclude<RowKind, (typeof NEVER_READ)[number]>, (ports: Ports) => Promise<unknown>>> = {
    account: ({ table }) => listAccounts(table),
    'api-key': ({ table }) => listKeys(table, 'a', { limit: 9 }),
    'api-key-token': (ports) => authenticate(ports, written.token),
    'reputation-day': (ports) => recentCounts(throwing(ports), 'a'),
    storage: ({ table, caches }) => storedBytes({ table, caches }, accountOfKey(storageRow())),
    'account-pause': ({ table, clock }) => readPause(table, clock.now(), 'a'),
    domain: ({ table }) => listDomains(table, 'a', { limit: 9 }),
    'domain-owner': ({ table }) => domainOwner(table, 'own.test'),
    'domain-claim': ({ table, clock }) => holderOf(table, 'claimed.test', clock.now()),
    'dkim-key': ({ table }) => dkimKeyOf(table, 'kabutar.test'),
    suppression: ({ table }) => getSuppression(table, 'a', 'x@y.test'),
    'suppression-id': ({ table }) => listSuppressions(table, 'a', { limit: 9 }),
    'sent-message': (ports) => listSent(ports, 'a', { limit: 9 }),
    'message-content': (ports) => getWholeSent(ports, 'a', written.message),
    'received-message': (ports) => listReceived(ports, 'a', { limit: 9 }),
    'received-reading': (ports) => getWholeReceived(ports, 'a', written.received),
    'message-id': (ports) => findThread(throwing(ports), 'a', ['<seen@relay.test>']),
    idempotency: (ports) => submit(ports, KEY, LONG_DRAFT, 'key'),
    upload: (ports) => uploadSizes(ports, 'a', [written.upload]),
    event: ({ table }) => eventsOf(table, 'a', written.message),
    endpoint: (ports) => listEndpoints({ ...throwing(ports), caches: newCaches(ports.clock) }, 'a'),
    delivery: ({ table }) => listDeliveries(table, 'a', written.endpoint, { limit: 9 }),
    'relay-pause': ({ table, clock }) => readPause(table, clock.now(), 'b'),
    'view-secret': (ports) => new ViewLinks(ports).sign(VIEWED),
    'ses-receipt': ({ table, clock }) => settle(table, 'inbound/1', { at: 2, owner: 'b' }, clock.now()),
    'send-rate': sendRate,
    'waiting-entry': async ({ table }) => {
      const { items } = await table.query({ pk: 'waiting#receive', limit: 1 })
      for (const item of items) dueWaitingEntry({}).entry(item)
    },
    'receipt-rules-lease': ({ table, clock }) => takeReceiptRuleLease(table, clock, 'rules'),
    mailbox: ({ table }) => getMailbox({ table }, written.mail.box),
    address: ({ table }) => mailboxesFor(table, 'a', ['ada@kabutar.test']),
    'appended-message': ({ table }) => readAppended(table, written.mail.appended),
    'mailbox-state': ({ table }) => readState({ table }, written.mail.box),
    folder: ({ table }) => listFolders({ table }, written.mail.box),
    placement: ({ table }) => findMessage(table, written.mail.box, written.mail.letter.id),
    'message-place': ({ table }) => findMessage(table, written.mail.box, written.mail.letter.id),
    thread: ({ table }) => getThread(table, written.mail.box, written.mail.letter.id),
    'thread-mail': ({ table }) => listThreadMails(table, written.mail.box, written.mail.letter.id, { limit: 9 }),
    'thread-message-id': (ports) => deliverReply(ports, written.mail),
    'thread-subject': (ports) =>
      deliverReply(ports, { ...written.mail, letter: { ...written.mail.letter, messageIds: [] } }),
    'mailbox-change': ({ table }) => changesSince(table, written.mail.box, 1, 9),
    label: ({ table }) => listLabels({ table }, written.mail.box),
    draft: ({ table }) => listDrafts(table, written.mail.box, { limit: 9 }),
    'mailbox-job': (ports) => workOffMailbox(ports, written.mail.box, 'empty-folder', written.mail.folder),
  }
  for (const [kind, read] of Object.entries(reads) as [RowKind, (ports: Ports) => Promise<unknown>][]) {
    test(`of kind ${kind} is refused in format 99`, async () => {
      const mine = rows.filter((one) => one.kind === kind)
      const puts = (change: object) =>
        Promise.all(mine.map(({ item }) => rig.table.write({ kind: 'put', item: { ...item, ...change } })))
      await puts({ format: 99 })
      try {
        const message = `a row of kind ${kind} has format 99; this version reads format ${ROWS[kind].format}`
        await assert.rejects(refused(read({ ...rig, caches: newCaches(rig.clock) })), {
          code: 'UnknownFormat',
          message,
        })
      } finally {
        await puts({})
      }
    })
  }
})
