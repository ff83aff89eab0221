/** Reads a Lambda function's settings, which stacks/ passes in the environment, while the function starts. */
import { type Retention, retentionOf } from '@kabutar/core/accounts/retention.ts'
import { durationsOf } from '@kabutar/core/retry-schedules.ts'

/** @throws {Error} naming the setting, so that a wrongly wired function fails before its first event */
export function setting(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name}: missing`)
  return value
}

/** `a,b,c`, at least one. @throws {Error} naming the setting */
export function listSetting(name: string): readonly string[] {
  const values = setting(name).split(',')
  if (values.some((value) => value === '')) throw new Error(`${name}: must be a list such as a,b,c`)
  return values
}

/** A whole number from 1. @throws {Error} naming the setting */
export function numberSetting(name: string, otherwise?: number): number {
  const value = process.env[name] ?? otherwise
  if (value === undefined || !/^[1-9]\d{0,5}$/.test(String(value))) throw new Error(`${name}: must be a number from 1`)
  return Number(value)
}

/** `content=30,events=90`, or `off`. @throws {Error} naming the setting */
export function retentionSetting(name: string): Retention {
  try {
    return retentionOf(setting(name))
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`)
  }
}

/** A list such as `1m,5m,24h`, in milliseconds. @throws {Error} naming the setting */
export function durationsSetting(name: string, otherwise: string): readonly number[] {
  try {
    return durationsOf(process.env[name] || otherwise)
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`)
  }
}
