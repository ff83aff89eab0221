/** Which mailbox an address leads to. An address, or the catch-all of a domain, belongs to one mailbox of the account. */
import { MailError } from '../errors.ts'
import type { Item, Table } from '../ports/table.ts'
import { getAll } from '../ports/table-rules.ts'
import { readRow, row } from '../store/codec.ts'
import { domainOwnerKey } from '../store/keys.ts'
import { addressKey, type Box } from '../store/mailbox-keys.ts'

const MAX_ADDRESSES = 50
const ADDRESS = /^(?:\*|[^\s@*"(),:;<>[\\\]]{1,64})@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/

const domainOf = (address: string) => address.slice(address.lastIndexOf('@') + 1).toLowerCase()

/** The row of an address that leads to a mailbox. */
export const addressItem = ({ accountId, mailboxId }: Box, address: string): Item =>
  row('address', addressKey(accountId, address), { mailbox: mailboxId })

const mailboxIn = (item: Item | undefined): string | undefined =>
  readRow('address', item)?.mailbox as string | undefined

/**
 * The mailbox of each recipient that has one, by the recipient as it was asked: that of the address itself, else of the address
 * without its `+tag` (RFC 5233), else of the domain's catch-all. One batch read of three rows for each.
 */
export async function mailboxesFor(
  table: Table,
  accountId: string,
  recipients: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const tried = recipients.map((recipient) => [recipient, withoutTag(recipient), `*@${domainOf(recipient)}`])
  const names = [...new Set(tried.flat().map((name) => name.toLowerCase()))]
  const rows = await getAll(
    table,
    names.map((name) => addressKey(accountId, name)),
  )
  const found = new Map(names.map((name, i) => [name, mailboxIn(rows[i])]))
  return new Map(
    recipients.flatMap((recipient, i) => {
      const [mailbox] = (tried[i] ?? []).flatMap((name) => found.get(name.toLowerCase()) ?? [])
      return mailbox === undefined ? [] : [[recipient, mailbox] as const]
    }),
  )
}

function withoutTag(address: string): string {
  const at = address.lastIndexOf('@')
  const tag = address.indexOf('+')
  return tag > 0 && tag < at ? address.slice(0, tag) + address.slice(at) : address
}

/** Those of some addresses that are not of the account: neither at a domain of it nor of one of its mailboxes. */
export async function strangersAmong(
  table: Table,
  accountId: string,
  addresses: readonly string[],
): Promise<readonly string[]> {
  const domains = [...new Set(addresses.map(domainOf).filter((name) => name !== ''))]
  const owners = await getAll(table, domains.map(domainOwnerKey))
  const own = domains.filter((_, i) => readRow('domain-owner', owners[i])?.accountId === accountId)
  const others = addresses.filter((address) => address.includes('@') && !own.includes(domainOf(address)))
  const mailboxes = await mailboxesFor(table, accountId, others)
  return others.filter((address) => !mailboxes.has(address))
}

/**
 * The addresses in lower case, without repetitions.
 * @throws {MailError} `invalid_parameter` for none, more than 50, one that cannot be, or one at a domain that is not the account's
 */
export async function checkedAddresses(
  table: Table,
  accountId: string,
  addresses: readonly string[],
): Promise<readonly string[]> {
  const wanted = [...new Set(addresses.map((address) => address.toLowerCase()))]
  const invalid = (message: string) => new MailError('invalid_parameter', message)
  if (wanted.length < 1 || wanted.length > MAX_ADDRESSES) {
    throw invalid(`An inbox has 1 to ${MAX_ADDRESSES} addresses.`)
  }
  const bad = wanted.find((address) => !ADDRESS.test(address))
  if (bad !== undefined) throw invalid(`${bad} is neither an address nor *@ and a domain.`)
  const domains = [...new Set(wanted.map(domainOf))]
  const owners = await getAll(table, domains.map(domainOwnerKey))
  const foreign = domains.find((_, i) => readRow('domain-owner', owners[i])?.accountId !== accountId)
  if (foreign !== undefined) throw invalid(`${foreign} is not a verified domain of the account.`)
  return wanted
}
