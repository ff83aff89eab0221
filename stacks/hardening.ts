import type { Settled } from './settings.ts'

/**
 * Sets secure and cheap defaults for every resource of this app. `$transform` acts only on resources that are created
 * after it, so this is called first.
 */
export function harden(settings: Settled): void {
  $transform(sst.aws.Function, (args, _options, name) => {
    args.runtime ??= 'nodejs24.x'
    args.architecture ??= 'arm64'
    writeOwnLogGroup(args, name, settings)
    useKey(args, settings)
    // SST 4.17.1 does not minify by default, though its documentation says so. `splitting` loads an import() on demand.
    args.nodejs ??= {
      minify: true,
      splitting: true,
      esbuild: { external: [...OTHER_CREDENTIALS, ...FOR_BROWSERS, ...NEVER_REQUIRED] },
    }
  })
  $transform(aws.lambda.Function, (args) => {
    // 1 KB of log for each message costs as much as a write to the table.
    args.loggingConfig = $output(args.loggingConfig).apply((config) => ({
      logFormat: 'JSON',
      ...config,
      applicationLogLevel: 'WARN',
      systemLogLevel: 'WARN',
    }))
  })
  $transform(aws.sqs.Queue, (args) => {
    if (!args) return
    if (settings.kmsKey === undefined) args.sqsManagedSseEnabled = true
    else Object.assign(args, { kmsMasterKeyId: settings.kmsKey, kmsDataKeyReusePeriodSeconds: KMS_REUSE_SECONDS })
  })
  $transform(aws.iam.Role, (args) => {
    const managed = $output(args.managedPolicyArns).apply((arns) => arns ?? [])
    args.assumeRolePolicy = $output(args.assumeRolePolicy).apply(trustOnlyServices)
    args.managedPolicyArns = managed.apply((arns) => arns.filter((arn) => !isLogsPolicy(arn)))
  })
}

/**
 * Sources of credentials that are never used: Lambda passes its credentials in the environment, and the SDK imports the
 * other sources only after that one fails. Without them each bundle is 140 KB smaller.
 */
const OTHER_CREDENTIALS = [
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-login',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@aws-sdk/nested-clients/*',
  '@smithy/credential-provider-imds',
]

/**
 * The SDK parses a browser's user agent with it, in `createUserAgentStringParsingProvider`, which no client on Node calls;
 * @aws-sdk/core exports that function beside the ones that Node needs.
 */
const FOR_BROWSERS = ['bowser']

/**
 * undici requires them when it comes to that: its parser a second time for processors without SIMD, which no processor of
 * Lambda is, and FormData for bodies that are such. We post strings.
 */
const NEVER_REQUIRED = ['../llhttp/llhttp-wasm.js', '../web/fetch/body.js']

/** How long SQS uses a data key again, instead of a call of KMS for each message. */
const KMS_REUSE_SECONDS = 3600

/** Lets a function read and write what is encrypted with the setting `kmsKey`. */
function useKey(args: sst.aws.FunctionArgs, { kmsKey }: Settled): void {
  if (kmsKey === undefined) return
  const key = { actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: [kmsKey] }
  args.permissions = $output(args.permissions).apply((permissions) => [...(permissions ?? []), key])
}

type TrustStatement = { Principal?: { AWS?: unknown; Service?: unknown } }

/**
 * Removes the account from the trust policy of a function's role. SST 4.17.1 lets the whole account assume every such
 * role: it tests `!dev` on an Output, which is never true.
 */
function trustOnlyServices(policy: unknown): string {
  const document: { Statement: TrustStatement[] } = typeof policy === 'string' ? JSON.parse(policy) : policy
  for (const { Principal } of document.Statement) if (Principal?.Service) delete Principal.AWS
  return JSON.stringify(document)
}

/** True for AWS's policy that lets a function write every log group of the account; `writeOwnLogGroup` replaces it. */
function isLogsPolicy(arn: string): boolean {
  return arn.endsWith(':policy/service-role/AWSLambdaBasicExecutionRole')
}

/**
 * Declares the log group of a function and lets the function write that one, by its ARN. Names of functions cannot be
 * matched by a pattern: SST cuts the name of the app, and then of the stage, to what fits 64 characters.
 */
function writeOwnLogGroup(args: sst.aws.FunctionArgs, name: string, { logRetention }: Settled): void {
  const short = $output(args.handler).apply((handler) => handler.replace(/^functions\/|\.\w+$/g, ''))
  const group = new aws.cloudwatch.LogGroup(`${name}LogGroup`, {
    name: $interpolate`/${$app.name}/${$app.stage}/${short}`,
    retentionInDays: RETENTION_DAYS[logRetention],
  })
  args.logging = { logGroup: group.name, format: 'json' }
  args.permissions = $output(args.permissions).apply((permissions) => [
    ...(permissions ?? []),
    { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [$interpolate`${group.arn}:*`] },
  ])
}

/** CloudWatch's numbers; 0 keeps logs for ever. */
const RETENTION_DAYS: Readonly<Record<Settled['logRetention'], number>> = {
  '1 week': 7,
  '2 weeks': 14,
  '1 month': 30,
  '3 months': 90,
  '6 months': 180,
  '1 year': 365,
  forever: 0,
}
