/** `npm run teardown -- --stage NAME` deletes the receipt rules that a removed stage has left. */
import { rulesClient } from '@kabutar/aws/ses/receipt-rules.ts'
import { removeReceiptRules } from '@kabutar/aws/ses/remove-receipt-rules.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { type Arguments, type Command, runCommand, UsageError } from '@kabutar/server/command-line.ts'

const COMMAND: Command = {
  usage: ['npm run teardown -- --stage pr-1234'],
  does: 'Deletes the receipt rules of a stage from every rule set. "sst remove" does the same; this is for a stage whose state was lost. Mail for the domains of a stage that still runs is refused until their receiving is switched on again.',
  options: { stage: { meaning: 'the stage; there is no default' } },
}

async function main({ options, words }: Arguments): Promise<void> {
  const { stage } = options
  if (stage === undefined || words.length > 0)
    throw new UsageError('name the stage with --stage; --help shows the usage')
  const removed = await removeReceiptRules(rulesClient(), { prefix: `kabutar-${stage}.`, clock: systemClock })
  process.stdout.write(
    removed.map((name) => `${name} is deleted\n`).join('') || 'there is no receipt rule of the stage\n',
  )
}

await runCommand(COMMAND, main)
