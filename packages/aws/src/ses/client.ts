import { SESv2Client } from '@aws-sdk/client-sesv2'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { type Agents, agents, type ClientOptions, timeouts } from '../sdk-client.ts'

/**
 * The client that sends mail. It makes one attempt: a retry by the SDK after a lost answer would send a second mail. Core
 * decides about retries, because it knows the state of the message.
 */
export function sesClient(options: ClientOptions = {}): SESv2Client {
  const handler = new FreshHttpHandler({ ...timeouts({ answerWithinMs: 20_000 }), ...agents() })
  return new SESv2Client({ ...options, maxAttempts: 1, requestHandler: handler })
}

/** Less than the idle time after which AWS closes a connection; a frozen sandbox does not notice that. */
const REUSE_WITHIN_MS = 3_000

/**
 * Opens a new connection when the last use was more than REUSE_WITHIN_MS ago. A connection that the other side has closed
 * looks like one that broke after the request, so without this the first mail after a pause would often be ambiguous.
 */
class FreshHttpHandler extends NodeHttpHandler {
  readonly #agents: Agents
  #lastUseAt = 0

  constructor(options: Agents & ReturnType<typeof timeouts>) {
    super(options)
    this.#agents = options
  }

  override async handle(...call: Parameters<NodeHttpHandler['handle']>): ReturnType<NodeHttpHandler['handle']> {
    if (Date.now() - this.#lastUseAt > REUSE_WITHIN_MS) this.#closeIdle()
    this.#lastUseAt = Date.now()
    try {
      return await super.handle(...call)
    } finally {
      this.#lastUseAt = Date.now()
    }
  }

  #closeIdle(): void {
    const free = [this.#agents.httpsAgent.freeSockets, this.#agents.httpAgent.freeSockets]
    for (const socket of free.flatMap((byHost) => Object.values(byHost).flat())) socket?.destroy()
  }
}
