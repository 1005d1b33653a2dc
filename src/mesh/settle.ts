/**
 * Damping of the down direction, only where it is safe. A service that a registry takes back loses its endpoints at
 * once, so nobody is sent to what is gone; its name, ports and address go a moment later. One that is said again
 * within that moment (a file moved in two steps, the only instance restarting) was never gone: sidecars see its
 * endpoints change instead of listener, route and cluster being torn down and built anew.
 */
/** How long a service taken back lingers without endpoints, ms: an explicit removal is complete within a second. */
export const REMOVAL_DELAY = 300
