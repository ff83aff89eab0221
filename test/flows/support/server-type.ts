import type { DnsServer } from './dns-server.ts'

/** The server of a flow test, whichever platform it runs on. */
export type ServerOptions = {
  /** Settings such as `KABUTAR_RELAY`. */
  readonly env?: Readonly<Record<string, string>>
  /** @default a fixed full-access key */
  readonly apiKey?: string
  /** A data folder, which stays at the end. @default a temporary folder, removed at the end */
  readonly dataFolder?: string
  /** The script that starts an embedded server. @default that of `npm start` */
  readonly entry?: string
  /** The name server that an embedded server asks for the records of domains. */
  readonly dns?: DnsServer
  /**
   * Mail that the relay itself defers. It has an effect behind SES only, which accepts what its next hop defers and retries
   * by itself; an embedded server relays to the SMTP peer of the test, which has its script.
   */
  readonly relayDefers?: (recipient: string) => boolean
}

/** A record that a domain asks for. */
export type DnsRecord = {
  readonly type: string
  readonly name: string
  readonly value: string
  readonly priority?: number
}

export type Server = AsyncDisposable & {
  /** The platform, for tests that cannot expect the same of both; each use gives the reason. */
  readonly platform: 'embedded' | 'aws'
  readonly url: string
  /** The SMTP listener, for tests of SMTP itself. Undefined on AWS, where mail comes in through SES. */
  readonly smtpPort: number | undefined
  readonly apiKey: string
  readonly dataFolder: string
  readonly pid: number
  /** The lines that the process wrote since its last start. */
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  /** The arguments and the environment by which the commands of packages/cli find this server. */
  readonly operator: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }
  /**
   * Delivers a message as another server would, bytes unchanged: over SMTP, or through SES's stand-in, which puts an object
   * and notifies. Resolves when it is accepted. @throws {Error} `550 …` if no recipient is in a domain of this server
   */
  receive(raw: string | Uint8Array, recipients: readonly string[]): Promise<void>
  /** Publishes records as the owner of a domain does. */
  publish(records: readonly DnsRecord[]): Promise<void>
  /** Sends SIGTERM. Answers the exit code; null if the process had to be killed after 15 s. */
  stop(): Promise<number | null>
  /** Sends SIGKILL to the whole process group. */
  kill(): Promise<void>
  /** Starts again on the same data folder and addresses, with `env` added; kills what still runs. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>
  /** Kills what still runs and removes the temporary folder. */
  close(): Promise<void>
}
