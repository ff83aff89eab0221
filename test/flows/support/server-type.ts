/** What a flow test has in its hands, whichever platform it runs on. */
export type ServerOptions = {
  /** Settings such as `KABUTAR_RELAY`. */
  readonly env?: Readonly<Record<string, string>>
  /** @default a fixed full-access key */
  readonly apiKey?: string
  /** Kept at the end. @default a temporary folder, removed at the end */
  readonly dataFolder?: string
}

export type Server = AsyncDisposable & {
  readonly url: string
  readonly smtpPort: number | undefined
  readonly apiKey: string
  readonly dataFolder: string
  readonly pid: number
  /** What the process wrote since its last start, a line each. */
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  /** SIGTERM. Answers the exit code; null if the process had to be killed after 15 s. */
  stop(): Promise<number | null>
  /** SIGKILL to the whole group, at once. */
  kill(): Promise<void>
  /** The same data folder and the same addresses again, with `env` on top; kills what still runs. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>
  /** Kills what still runs and removes the temporary folder. */
  close(): Promise<void>
}
