import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAccount } from '@kabutar/core/accounts/accounts.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import { receivePorts } from '@kabutar/testing/receiving-rig.ts'
import { associateAll } from './aws-tenants.ts'

test('tenants are made for every domain of every account, and one that fails holds up no other', async () => {
  const ports = await receivePorts()
  const associated: string[] = []
  const associate = async (accountId: string, domain: string) => {
    if (domain === 'vouched.test') throw new Error('SES has no such identity')
    associated.push(`${accountId} ${domain}`)
  }
  const { id } = await createAccount(ports, 'A')
  const { id: other } = await createAccount(ports, 'B')
  const names = Array.from({ length: 120 }, (_, n) => `d${n}.test`)
  for (const name of ['vouched.test', ...names]) await claimDomain(ports, id, name)
  await claimDomain(ports, other, 'other.test')
  const lines = await associateAll(ports.table, { associate })
  assert.deepEqual(associated.toSorted(), [...names.map((name) => `${id} ${name}`), `${other} other.test`].toSorted())
  assert.ok(lines.includes(`vouched.test of account ${id}: not associated: SES has no such identity`))
  assert.equal(lines.length, 122)
})
