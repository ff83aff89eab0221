import { type Clock, NO_ERROR } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { type Relay, RelayError, type RelayResult } from '../ports/relay.ts'

export type WatchedRelay = Relay & {
  /** Tells why the relay took no mail the last time that it was tried; undefined if it took some, or was not tried. */
  readonly failure: string | undefined
  /** Connects and logs in, within 30 seconds, and logs what is wrong. It never rejects. */
  check(): Promise<void>
}

const CHECK_MS = 30_000

/** Tells an operator what to do about a failure, by the error code of the connection. */
const ADVICE: Readonly<Record<string, string>> = {
  EAUTH: 'the relay refuses the user or the password',
  ENOAUTH: 'the relay wants a user and a password',
  ECONNREFUSED: 'nothing listens at this host and port',
  ENOTFOUND: 'this host does not exist',
  EDNS: 'this host can not be found in the DNS',
  ETIMEDOUT: 'the relay does not answer; a firewall may be in between, or the port is wrong',
  ETLS: 'no encrypted connection can be made; smtps:// is for ports with TLS from the first byte, such as 465',
  ESOCKET: 'no connection can be made to this host and port',
  ECONNECTION: 'the relay closes the connection',
}

/**
 * Logs a relay that fails, at warn and with its reason, and remembers whether it does. A refusal of one message or of one
 * address is an outcome of that message and no failure, unless all recipients are refused: then it is logged as well.
 * `setting` names where the relay is set.
 */
export function watchedRelay(
  relay: Relay,
  { log, clock, setting }: { readonly log: Log; readonly clock: Clock; readonly setting: string },
): WatchedRelay {
  let failure: string | undefined
  const failed = (error: RelayError) => {
    if (error.kind === 'permanent') {
      log.warn('the relay refuses a message', { reason: withoutAddresses(error.message), replyCode: error.replyCode })
      return
    }
    failure = error.message
    log.warn('the relay fails: mail waits and is sent later', factsOf(error, setting))
  }
  return {
    limits: relay.limits,
    ...(relay.host !== undefined && { host: relay.host }),
    ...(relay.captures !== undefined && { captures: relay.captures }),
    get failure() {
      return failure
    },
    async send(envelope, raw, options) {
      try {
        const result = await relay.send(envelope, raw, options)
        failure = undefined
        logRejections(log, result, envelope.recipients.length)
        return result
      } catch (error) {
        if (error instanceof RelayError && !options.signal?.aborted) failed(error)
        throw error
      }
    },
    async check() {
      const bound = new AbortController()
      try {
        await Promise.race([relay.verify?.(), silence(clock, bound.signal)])
        failure = undefined
        log.debug('the relay takes connections')
      } catch (error) {
        failed(error instanceof RelayError ? error : new RelayError('transient', String(error)))
      } finally {
        bound.abort(NO_ERROR)
      }
    },
    async close() {
      await relay.close?.()
    },
  }
}

/** Other servers repeat addresses, which no log of ours holds. */
export const withoutAddresses = (text: string) => text.replace(/[^\s<>"(),:;]+@[^\s<>"(),:;]+/g, '[address]')

async function silence(clock: Clock, signal: AbortSignal): Promise<void> {
  await clock.sleep(CHECK_MS, signal)
  if (!signal.aborted) throw new RelayError('transient', 'the relay does not answer within 30 seconds')
}

function factsOf(error: RelayError, setting: string) {
  const advice = ADVICE[codeOf(error)] ?? 'see what the relay says'
  return {
    reason: withoutAddresses(error.message),
    kind: error.kind,
    replyCode: error.replyCode,
    setting,
    advice: `${advice}; check ${setting}`,
  }
}

/** The code of the system's error is nearer to the cause than that of the SMTP client, where there is one. */
function codeOf({ cause }: RelayError): string {
  const { code = '', message = '' } = (cause ?? {}) as NodeJS.ErrnoException
  const [system = ''] = /\b(ECONNREFUSED|ENOTFOUND|ETIMEDOUT)\b/.exec(message) ?? []
  return system || code
}

function logRejections(log: Log, { rejected }: RelayResult, recipients: number): void {
  const [first] = rejected
  if (first === undefined || rejected.length < recipients) return
  const { replyCode, status } = first
  log.warn('the relay refuses all recipients of a message', {
    reason: [replyCode, status].filter((part) => part !== undefined).join(' '),
    diagnostic: withoutAddresses(first.diagnostic),
  })
}
