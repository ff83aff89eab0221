import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { standIn } from '../../../../test/aws/servers.ts'
import { startSes } from '../../../../test/aws/ses.ts'
import { identitiesClient, sesIdentities } from './identities.ts'
import { removeTenants, sesTenants, type Tenants } from './tenants.ts'

const ses = await startSes()
after(() => ses.close())

function identities(tenants?: Tenants) {
  return sesIdentities(identitiesClient(standIn(ses.endpoint)), {
    region: 'eu-west-1',
    identityArn: 'arn:aws:ses:eu-west-1:123456789012:identity/',
    owner: 'kabutar-ci',
    tenants,
    rules: undefined,
    records: { mx: async () => [] },
  })
}

describe('tenants of SES', () => {
  const client = identitiesClient(standIn(ses.endpoint))
  const arn = 'arn:aws:ses:eu-west-1:123456789012:'
  const [identityArn, configurationSetArn] = [`${arn}identity/`, `${arn}configuration-set/kabutar`]
  const tenantsOf = (owner: string) => sesTenants(client, { owner, identityArn, configurationSetArn })
  const withTenants = identities(tenantsOf('kabutar-ci'))
  const create = (domain: string, accountId: string) => withTenants.create(domain, { accountId, returnPath: 'send' })

  test('are one for each account, with its domains and the configuration set', async () => {
    await create('one.test', 'a')
    await create('two.test', 'a')
    await create('three.test', 'b')
    // A repeated call, as after a crash, finds all of it.
    await create('two.test', 'a')
    const has = Object.fromEntries([...ses.tenants].map(([name, arns]) => [name, [...arns]]))
    assert.deepEqual(has, {
      'kabutar-ci_a': [configurationSetArn, `${identityArn}one.test`, `${identityArn}two.test`],
      'kabutar-ci_b': [configurationSetArn, `${identityArn}three.test`],
    })
  })

  test('lose a domain before its identity is deleted, which SES would refuse', async () => {
    await withTenants.remove('one.test')
    assert.equal(ses.identities.has('one.test'), false)
    assert.deepEqual([...(ses.tenants.get('kabutar-ci_a') ?? [])], [configurationSetArn, `${identityArn}two.test`])
    await assert.rejects(identities().remove('two.test'), { code: 'invalid_message' })
  })

  test('keep a domain whose DKIM failed, under its new identity', async () => {
    ses.failed.add('two.test')
    await create('two.test', 'a')
    assert.ok(ses.tenants.get('kabutar-ci_a')?.has(`${identityArn}two.test`))
  })

  test('of other stages and apps are left alone', async () => {
    await tenantsOf('kabutar-ci-eu').associate('a', 'two.test')
    ses.tenants.set('theirs', new Set([`${identityArn}three.test`]))
    await tenantsOf('kabutar-ci').dissociate('three.test')
    assert.deepEqual([...(ses.tenants.get('theirs') ?? [])], [`${identityArn}three.test`])
    assert.deepEqual((await removeTenants(client, 'kabutar-ci')).toSorted(), ['kabutar-ci_a', 'kabutar-ci_b'])
    assert.deepEqual([...ses.tenants.keys()], ['kabutar-ci-eu_a', 'theirs'])
    ses.tenants.clear()
  })
})
