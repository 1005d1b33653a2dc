/** An end that the user can do something about. */
export class CommandFailure extends Error {
  readonly remedy: string
  readonly exitCode: number

  /** @param exitCode 1 = it failed, 2 = it was called wrongly */
  constructor(message: string, remedy: string, exitCode = 1) {
    super(message)
    this.name = 'CommandFailure'
    this.remedy = remedy
    this.exitCode = exitCode
  }
}
