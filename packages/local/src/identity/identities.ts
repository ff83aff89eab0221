import type { DomainRecord, Identities, Identity, RecordStatus } from '@kabutar/core/ports/identities.ts'
import type { Records } from '@kabutar/core/ports/resolver.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { type DkimKey, deleteDkimKey, dkimKeyOf, ensureDkimKey, publicRecord } from './dkim-keys.ts'

type LocalIdentitiesOptions = {
  readonly table: Table
  readonly records: Records
  /** The public name of this machine, for MX records. */
  readonly hostname: string
}

/**
 * The Identities port with DKIM keys of our own. A domain is verified when it publishes its key. Its SPF and MX records
 * are looked up and shown, but prove nothing. Every verified domain receives, so `receive` has nothing to do.
 */
export function localIdentities(options: LocalIdentitiesOptions): Identities {
  const { table } = options
  return {
    ownReturnPath: false,
    async create(domain) {
      const key = await ensureDkimKey(table, domain)
      return { status: 'pending', records: recordsOf(options, domain, key) }
    },
    async status(domain) {
      const key = await dkimKeyOf(table, domain)
      return key && look(options, domain, key)
    },
    remove: (domain) => deleteDkimKey(table, domain),
    receive: async () => {},
  }
}

function recordsOf({ hostname }: LocalIdentitiesOptions, domain: string, key: DkimKey): readonly DomainRecord[] {
  const status = 'pending'
  return [
    { record: 'DKIM', type: 'TXT', name: `${key.selector}._domainkey.${domain}`, value: publicRecord(key), status },
    // Return paths are addresses of the domain itself. `mx` allows this server; the owner of a smart host adds its hosts.
    { record: 'SPF', type: 'TXT', name: domain, value: 'v=spf1 mx ~all', status },
    { record: 'Receiving', type: 'MX', name: domain, value: hostname, priority: 10, status },
  ]
}

async function look(options: LocalIdentitiesOptions, domain: string, key: DkimKey): Promise<Identity> {
  const records = await Promise.all(
    recordsOf(options, domain, key).map(async (record) => ({
      ...record,
      status: await found(options.records, record),
    })),
  )
  const dkim = records[0]?.status
  return { status: dkim === 'verified' || dkim === 'temporary_failure' ? dkim : 'pending', records }
}

async function found(records: Records, { record, type, name, value }: DomainRecord): Promise<RecordStatus> {
  try {
    const there =
      type === 'MX'
        ? (await records.mx(name)).some(({ exchange }) => exchange === value)
        : (await records.txt(name)).some((text) => (record === 'DKIM' ? sameKey(text, value) : isSpf(text)))
    return there ? 'verified' : 'pending'
  } catch {
    return 'temporary_failure'
  }
}

/** Compares only the key, because publishers may change white space and the order of tags. */
function sameKey(published: string, ours: string): boolean {
  const key = (text: string) => /(?:^|;)\s*p=([^;]*)/.exec(text)?.[1]?.replace(/\s+/g, '')
  return key(published) === key(ours)
}

/** Accepts any SPF record: the owner may name other hosts, such as a smart host. */
const isSpf = (text: string) => /^v=spf1( |$)/i.test(text)
