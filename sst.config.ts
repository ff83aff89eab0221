/// <reference path="./.sst/platform/config.d.ts" />

/**
 * Deploys Kabutar to your own AWS account: `npx sst deploy --stage production`, in the region AWS_REGION. The stage
 * `production` keeps its data on removal and cannot be removed while protected; every other stage is removed whole.
 * Alarms are mailed to the address that `npx sst secret set Operator you@example.com --stage production` sets.
 */
export default $config({
  app(input) {
    const production = input.stage === 'production'
    return {
      name: 'kabutar',
      version: '4.17.1',
      home: 'aws',
      removal: production ? 'retain' : 'remove',
      protect: production,
      providers: {
        aws: { defaultTags: { tags: { project: 'kabutar', stage: input.stage } } },
      },
    }
  },
  async run() {
    const { harden } = await import('./stacks/hardening.ts')
    const { storage } = await import('./stacks/storage.ts')
    const { webhooks } = await import('./stacks/webhooks.ts')
    const { sending } = await import('./stacks/sending.ts')
    const { receiving } = await import('./stacks/receiving.ts')
    const { sweep } = await import('./stacks/sweep.ts')
    const { api } = await import('./stacks/api.ts')
    const { alarms } = await import('./stacks/alarms.ts')

    harden()
    const stored = storage()
    const notifying = webhooks(stored)
    const sent = sending(stored, notifying)
    const received = await receiving(stored, notifying)
    const swept = sweep(stored, notifying, sent, received)
    const front = api(stored, notifying, sent, received)
    alarms([notifying, sent, sent.feedback, received], swept, front)
    return { url: front.url, table: stored.table.name, ruleSet: received.ruleSet }
  },
})
