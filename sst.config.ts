/// <reference path="./.sst/platform/config.d.ts" />

/** The settings of your deployment; stacks/settings.ts and docs/deploy.md say what each means and what it is without. */
const SETTINGS: import('./stacks/settings.ts').Settings = {
  keep: ['production', 'prod', 'live'],
}

/**
 * Deploys Kabutar to your own AWS account: `npx sst deploy --stage production`. A stage in `keep` keeps its data on
 * removal and cannot be removed while protected; every other stage is removed whole.
 */
export default $config({
  app(input) {
    const keeps = SETTINGS.keep.includes(input.stage)
    return {
      name: 'kabutar',
      version: '4.17.1',
      home: 'aws',
      removal: keeps ? 'retain' : 'remove',
      protect: keeps,
      providers: {
        aws: {
          ...(SETTINGS.region && { region: SETTINGS.region as 'us-east-1' }),
          defaultTags: { tags: { ...SETTINGS.tags, project: 'kabutar', stage: input.stage } },
        },
      },
    }
  },
  async run() {
    const { settled } = await import('./stacks/settings.ts')
    const { harden } = await import('./stacks/hardening.ts')
    const { storage } = await import('./stacks/storage.ts')
    const { webhooks } = await import('./stacks/webhooks.ts')
    const { sending } = await import('./stacks/sending.ts')
    const { receiving } = await import('./stacks/receiving.ts')
    const { sweep } = await import('./stacks/sweep.ts')
    const { api } = await import('./stacks/api.ts')
    const { consoleSite } = await import('./stacks/console.ts')
    const { teardown } = await import('./stacks/teardown.ts')
    const { alarms } = await import('./stacks/alarms.ts')

    const settings = settled(SETTINGS)
    harden(settings)
    const stored = storage(settings)
    const notifying = webhooks(settings, stored)
    const sent = sending(settings, stored, notifying)
    const received = await receiving(settings, stored, notifying)
    const swept = sweep(settings, stored, notifying, sent, received)
    const front = api(settings, stored, notifying, sent, received)
    const site = settings.console ? consoleSite(front) : undefined
    if (settings.receiving || settings.tenants) teardown(settings, sent)
    alarms(settings, [notifying, sent, sent.feedback, received], swept, front)
    return { url: front.url, console: site?.url, table: stored.table.name, ruleSet: received.rules?.ruleSet }
  },
})
