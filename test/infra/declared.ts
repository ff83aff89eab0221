import assert from 'node:assert/strict'
import type { Inputs } from './answers.ts'
import type { Diff } from './diff.ts'
import type { Declared } from './engine.ts'

/** Reads the resources that a diff declared; a test casts inputs to the type that it expects. */
export type Statement = {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
  readonly Principal?: '*' | Readonly<Record<string, string | readonly string[]>>
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export function reader(diff: Diff) {
  const all = (type: string) => diff.resources.filter((resource) => resource.type === type)
  const one = (type: string, name: string): Declared => {
    const found = all(type).filter((resource) => resource.name === name)
    assert.equal(found.length, 1, `${type} ${name} among ${all(type).map((resource) => resource.name)}`)
    return found[0] as Declared
  }
  const only = (type: string): Inputs => {
    const found = all(type)
    assert.equal(found.length, 1, `${type}: ${found.map((resource) => resource.name)}`)
    return found[0]?.inputs ?? {}
  }
  return { all, one, only, workers: () => functionsOf(all) }
}

export type LambdaFunction = {
  readonly component: string
  /** The handler as the stacks write it, for example `functions/send.handler`. */
  readonly handler: string
  readonly inputs: {
    readonly timeout: number
    readonly memorySize: number
    readonly runtime: string
    readonly architectures: readonly string[]
    readonly loggingConfig: Readonly<Record<string, string>>
    readonly environment: { readonly variables: Readonly<Record<string, string>> }
    readonly handler: string
  }
  readonly statements: readonly Statement[]
  readonly trust: readonly Statement[]
  readonly managedPolicies: readonly string[]
}

function functionsOf(all: (type: string) => readonly Declared[]): readonly LambdaFunction[] {
  return all('sst:aws:Function').map(({ name, outputs }) => {
    const { handler } = (outputs?._metadata ?? {}) as { handler?: string }
    const lambda = all('aws:lambda/function:Function').find((one) => one.name === `${name}Function`)
    const role = all('aws:iam/role:Role').find((one) => one.name === `${name}Role`)
    assert.ok(handler && lambda && role, name)
    const { inlinePolicies = [], assumeRolePolicy, managedPolicyArns = [] } = role.inputs as RoleInputs
    return {
      component: name,
      handler,
      inputs: lambda.inputs as LambdaFunction['inputs'],
      statements: inlinePolicies.flatMap(({ policy }) => statementsOf(policy)),
      trust: statementsOf(assumeRolePolicy),
      managedPolicies: managedPolicyArns,
    }
  })
}

type RoleInputs = {
  readonly inlinePolicies?: readonly { readonly policy: string }[]
  readonly assumeRolePolicy: string
  readonly managedPolicyArns?: readonly string[]
}

export function statementsOf(policy: unknown): readonly Statement[] {
  return (JSON.parse(String(policy)) as { Statement: Statement[] }).Statement
}

export function asList(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value
}
