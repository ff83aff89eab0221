import { owner } from './access.ts'
import { type Sending, tenants } from './sending.ts'
import type { Settled } from './settings.ts'

/**
 * Deletes the receipt rules and tenants of a stage when it is removed: `sst remove` deletes the invocation, which invokes the function
 * a last time, and stops if that fails. Rules are made at run time, so nothing else of the deployment knows them. One that
 * stayed would write the mail of its domains to a bucket whose name is free for anybody. SES deletes no configuration set
 * that a tenant uses, so the set waits for the invocation.
 *
 * The name of the function is fixed, because the invocation is replaced when the name changes, and the deletion of the one
 * that is replaced would delete the rules of a living stage.
 */
export function teardown({ memory, receiving, tenants: hasTenants }: Settled, sent: Sending): void {
  const name = `${owner()}-teardown`
  const fn = new sst.aws.Function('Teardown', {
    name,
    handler: 'functions/teardown.handler',
    timeout: '10 minutes',
    memory: memory.teardown,
    environment: {
      KABUTAR_OWNER: owner(),
      ...(!receiving && { KABUTAR_RECEIVING: 'off' }),
      ...(hasTenants && { KABUTAR_TENANTS: 'on' }),
    },
    permissions: [
      ...(receiving
        ? [
            {
              actions: ['ses:ListReceiptRuleSets', 'ses:DescribeReceiptRuleSet', 'ses:DeleteReceiptRule'],
              resources: ['*'],
            },
          ]
        : []),
      ...(hasTenants
        ? [
            { actions: ['ses:ListTenants'], resources: ['*'] },
            { actions: ['ses:DeleteTenant'], resources: [tenants()] },
          ]
        : []),
    ],
  })
  new aws.lambda.Invocation(
    'TeardownInvocation',
    { functionName: name, lifecycleScope: 'CRUD', input: JSON.stringify({}) },
    { dependsOn: hasTenants ? [fn, sent.configurationSet] : fn },
  )
}
