import { dynamoClient, dynamoTable } from '@kabutar/aws/dynamo/table.ts'
import {
  createAccount,
  ensureFirstAccount,
  FIRST_ACCOUNT,
  getAccount,
  listAccounts,
} from '@kabutar/core/accounts/accounts.ts'
import { createKey, deleteKey, hasKeys, type KeyDescription, listKeys, MAX_KEYS } from '@kabutar/core/accounts/keys.ts'
import { resumeAccount } from '@kabutar/core/accounts/reputation.ts'
import { setRetention } from '@kabutar/core/accounts/retention.ts'
import { claimDomain, domainNamed, validDomainName } from '@kabutar/core/domains/domains.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import type { ListPage } from '@kabutar/core/store/pages.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { tableOf } from './aws-stage.ts'
import type { Accounts, NewAccount } from './operator.ts'

/**
 * Accounts in the table of a stage; everybody who may write the table may do so. Of a new key only the SHA-256 is stored. Without
 * a name, `create` makes the first key of the first account. Functions accept a deleted key for five more seconds.
 */
export function accountsOnStage(stage: string, chosen?: string): Accounts {
  const using = <T>(work: (ports: StagePorts) => Promise<T>) =>
    withTable(stage, chosen, (table) => work(portsOf(table)))
  return {
    list: () =>
      using(async ({ table }) =>
        readableOf(await listAccounts(table)).map(({ retention: { contentDays, eventDays }, createdAt, ...one }) => ({
          ...one,
          created_at: createdAt.toISOString(),
          ...(contentDays !== undefined && { content_days: contentDays }),
          ...(eventDays !== undefined && { event_days: eventDays }),
        })),
      ),
    create: (name, domains) => using(({ table }) => makeAccount(table, name, domains)),
    resume: (id) =>
      using(async (ports) => {
        if (!(await resumeAccount(ports, id))) throw new Error(`there is no paused account ${id}`)
      }),
    retain: (id, { content_days: contentDays, event_days: eventDays }) =>
      using(({ table }) => {
        const own = (days: number | 'default' | undefined) => (days === 'default' ? null : days)
        return setRetention(table, id, { contentDays: own(contentDays), eventDays: own(eventDays) })
      }),
    listKeys: (account) =>
      using(async ({ table }) => {
        const { id } = await getAccount(table, account)
        return readableOf(await listKeys(table, id, { limit: MAX_KEYS })).map(listed)
      }),
    createKey: (account, { domain: named, ...key }) =>
      using(async (ports) => {
        const { id } = await getAccount(ports.table, account)
        const domain = named && (await domainNamed(ports.table, id, validDomainName(named)))
        return createKey(ports, id, { ...key, ...(domain && { domain }) })
      }),
    deleteKey: (account, id) => using((ports) => deleteKey(ports, account, id)),
  }
}

/** Answers the rows that can be read, and names the others on stderr. */
function readableOf<T>({ items, skipped = [] }: ListPage<T>): readonly T[] {
  for (const { key, error } of skipped) process.stderr.write(`${key}: ${error.message}\n`)
  return items
}

const listed = ({ id, name, createdAt, lastUsedAt }: KeyDescription) => ({
  id,
  name,
  created_at: createdAt.toISOString(),
  last_used_at: lastUsedAt?.toISOString() ?? null,
})

type StagePorts = ReturnType<typeof portsOf>
const portsOf = (table: Table) => ({
  table,
  clock: systemClock,
  ids: uuidIds(systemClock),
  caches: newCaches(systemClock),
})

async function withTable<T>(stage: string, chosen: string | undefined, work: (table: Table) => Promise<T>): Promise<T> {
  const client = dynamoClient()
  try {
    return await work(dynamoTable(client, await tableOf(client, stage, chosen), systemClock))
  } finally {
    client.destroy()
  }
}

/**
 * Creates an account in a table with its first key.
 * @throws {Error} if the first account has a key already, or a domain belongs to another account
 */
export async function makeAccount(
  table: Table,
  name: string | undefined,
  domains: readonly string[],
): Promise<NewAccount> {
  const ports = portsOf(table)
  const id = name === undefined ? await firstAccount(ports) : (await createAccount(ports, name)).id
  for (const domain of domains) await claimDomain(ports, id, domain.toLowerCase())
  const { token } = await createKey(ports, id, { name: 'First key', permission: 'full_access' })
  return { id, token }
}

async function firstAccount(ports: { readonly table: Table; readonly clock: typeof systemClock }): Promise<string> {
  await ensureFirstAccount(ports)
  if (await hasKeys(ports.table, FIRST_ACCOUNT)) {
    throw new Error(
      'the first account has a key already; make more with `keys create NAME`, or give a NAME for another account',
    )
  }
  return FIRST_ACCOUNT
}
