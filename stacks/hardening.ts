/**
 * Defaults that hold for every resource of this app, whoever declares it. `$transform` acts only on what is created
 * after it, so this comes first.
 */
export function harden(): void {
  $transform(sst.aws.Function, (args) => {
    args.runtime ??= 'nodejs24.x'
    args.architecture ??= 'arm64'
    args.memory ??= '256 MB'
    args.logging ??= { retention: '1 month', format: 'json' }
    // SST's documentation says that minifying is the default; 4.17.1 does not. What is behind import() is loaded when needed.
    args.nodejs ??= {
      minify: true,
      splitting: true,
      esbuild: { external: [...OTHER_CREDENTIALS, ...FOR_BROWSERS, ...NEVER_REQUIRED] },
    }
  })
  $transform(aws.lambda.Function, (args) => {
    // 1 KB of log for each message would cost as much as a write to the table.
    args.loggingConfig = $output(args.loggingConfig).apply((config) => ({
      logFormat: 'JSON',
      ...config,
      applicationLogLevel: 'WARN',
      systemLogLevel: 'WARN',
    }))
  })
  $transform(aws.sqs.Queue, (args) => {
    if (args) args.sqsManagedSseEnabled = true
  })
  $transform(aws.iam.Role, (args) => {
    const managed = $output(args.managedPolicyArns).apply((arns) => arns ?? [])
    args.assumeRolePolicy = $output(args.assumeRolePolicy).apply(trustOnlyServices)
    args.managedPolicyArns = managed.apply((arns) => arns.filter((arn) => !isLogsPolicy(arn)))
    args.inlinePolicies = $resolve([$output(args.inlinePolicies), managed, logs()] as const).apply(
      ([inline, arns, policy]) => [...(inline ?? []), ...(arns.some(isLogsPolicy) ? [{ name: 'logs', policy }] : [])],
    )
  })
}

/**
 * Lambda hands its credentials over in the environment. The SDK imports every other source of them only when it comes
 * to that one, which it never does here: without them each bundle that calls AWS is 140 KB smaller.
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
 * The SDK reads what a browser says of itself with it, in `createUserAgentStringParsingProvider`: no client calls that,
 * and on Node even its modern successor is another function. @aws-sdk/core exports it beside what Node needs.
 */
const FOR_BROWSERS = ['bowser']

/**
 * undici requires them when it comes to that: its parser a second time for processors without SIMD, which no processor of
 * Lambda is, and FormData for bodies that are such. We post strings.
 */
const NEVER_REQUIRED = ['../llhttp/llhttp-wasm.js', '../web/fetch/body.js']

type TrustStatement = { Principal?: { AWS?: unknown; Service?: unknown } }

/**
 * SST 4.17.1 lets the whole account assume the role of every function: it asks `!dev` of an Output, which is never
 * true. A role of ours trusts services only.
 */
function trustOnlyServices(policy: unknown): string {
  const document: { Statement: TrustStatement[] } = typeof policy === 'string' ? JSON.parse(policy) : policy
  for (const { Principal } of document.Statement) if (Principal?.Service) delete Principal.AWS
  return JSON.stringify(document)
}

/** Lets a function write any log group of the account; `logs` is for this app's alone. */
function isLogsPolicy(arn: string): boolean {
  return arn.endsWith(':policy/service-role/AWSLambdaBasicExecutionRole')
}

function logs() {
  const { accountId } = aws.getCallerIdentityOutput()
  const { region } = aws.getRegionOutput()
  return aws.iam.getPolicyDocumentOutput({
    statements: [
      {
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [
          $interpolate`arn:aws:logs:${region}:${accountId}:log-group:/aws/lambda/${$app.name}-${$app.stage}-*:*`,
        ],
      },
    ],
  }).json
}
