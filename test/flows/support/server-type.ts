import type { DnsServer } from './dns-server.ts'

/** What a flow test has in its hands, whichever platform it runs on. */
export type ServerOptions = {
  /** Settings such as `KABUTAR_RELAY`. */
  readonly env?: Readonly<Record<string, string>>
  /** @default a fixed full-access key */
  readonly apiKey?: string
  /** Kept at the end. @default a temporary folder, removed at the end */
  readonly dataFolder?: string
  /** Where the owner of a domain publishes its records, for an embedded server that looks there. */
  readonly dns?: DnsServer
  /**
   * Mail that the relay itself puts off. Of use behind SES only, which takes what its next hop puts off and tries again on
   * its own; an embedded server relays to the SMTP peer of the test, which has its script.
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
  /** What tests that cannot say the same of both go by, each time with the reason. */
  readonly platform: 'embedded' | 'aws'
  readonly url: string
  /** For tests of SMTP itself. Undefined on AWS, where mail comes in by SES. */
  readonly smtpPort: number | undefined
  readonly apiKey: string
  readonly dataFolder: string
  readonly pid: number
  /** What the process wrote since its last start, a line each. */
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  /** How the commands of packages/cli find this server: arguments and environment. */
  readonly operator: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }
  /**
   * Brings a mail in as a stranger's server would, the bytes as they are: over SMTP, or by SES's stand-in, which puts an
   * object and notifies. Resolves when it is taken. @throws {Error} `550 …` if nobody here is among the recipients
   */
  receive(raw: string | Uint8Array, recipients: readonly string[]): Promise<void>
  /** As the owner of a domain puts its records into the DNS. */
  publish(records: readonly DnsRecord[]): Promise<void>
  /** SIGTERM. Answers the exit code; null if the process had to be killed after 15 s. */
  stop(): Promise<number | null>
  /** SIGKILL to the whole group, at once. */
  kill(): Promise<void>
  /** The same data folder and the same addresses again, with `env` on top; kills what still runs. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>
  /** Kills what still runs and removes the temporary folder. */
  close(): Promise<void>
}
