import { ensureFirstAccount, FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { type AuthenticatePorts, adoptKey, createKey, hasKeys, type KeyPorts } from '@kabutar/core/accounts/keys.ts'
import type { DomainsPorts } from '@kabutar/core/domains/change.ts'
import { adoptDomains } from '@kabutar/core/domains/settings-domains.ts'
import type { Settings } from './settings.ts'

/**
 * Makes the first account, with the domains and the key of the settings and without those of earlier ones. Answers a key
 * if it had to make one.
 */
export async function prepareFirstAccount(
  ports: KeyPorts & AuthenticatePorts & DomainsPorts,
  { apiKey, domains }: Pick<Settings, 'apiKey' | 'domains'>,
): Promise<string | undefined> {
  await ensureFirstAccount(ports)
  await adoptDomains(ports, domains)
  const key = { name: 'First key', permission: 'full_access' } as const
  await adoptKey(ports, FIRST_ACCOUNT, { ...key, name: 'KABUTAR_API_KEY' }, apiKey)
  if (await hasKeys(ports.table, FIRST_ACCOUNT)) return undefined
  return (await createKey(ports, FIRST_ACCOUNT, key)).token
}
