import { countBad, countSent } from '../accounts/reputation.ts'
import type { Message } from '../messages/message.ts'
import type { SendPorts } from './send-ports.ts'
import { simulate } from './simulate.ts'
import type { Outcome } from './status.ts'

type CountPorts = Pick<SendPorts, 'table' | 'clock' | 'log' | 'caches'>

const isReal = ({ recipient }: Outcome) => simulate(recipient) === undefined
const isTried = ({ status }: Outcome) => status === 'sent' || status === 'delivered' || status === 'bounced'
const isForGood = ({ status, bounce }: Outcome) => status === 'bounced' && (bounce?.type ?? 'Permanent') === 'Permanent'

/** Counts the outcomes of an attempt for the reputation of the account. An error is only logged, since a repetition would relay again. */
export async function countAttempt(
  ports: CountPorts,
  { accountId, id }: Message,
  outcomes: readonly Outcome[],
): Promise<void> {
  const real = outcomes.filter(isReal)
  try {
    const sent = real.filter(isTried).length
    if (sent > 0) await countSent(ports, accountId, sent)
    await countFeedback(ports, accountId, real)
  } catch (error) {
    ports.log.warn('an attempt was not counted', { id, error: error as Error })
  }
}

/** Counts bounces and complaints of mails that had been sent. */
export async function countFeedback(ports: CountPorts, accountId: string, outcomes: readonly Outcome[]): Promise<void> {
  await countBad(ports, accountId, {
    bounced: outcomes.filter(isForGood).length,
    complained: outcomes.filter(({ status }) => status === 'complained').length,
  })
}
