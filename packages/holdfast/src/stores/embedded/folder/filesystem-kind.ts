/**
 * Which filesystem a folder is on, and whether the kernel running this process is the only one that can reach it. Where
 * another machine (or the host of a virtual one) reaches the same files, file locks exclude nobody there, so such kinds
 * are refused by name.
 */

/** One line of /proc/self/mountinfo, as far as it matters here. */
export interface Mount {
  readonly point: string
  /** The kind, such as "ext4", "nfs4" or "fuse.sshfs". */
  readonly kind: string
}

/** Kinds whose files other kernels reach. */
const SHARED_KINDS: ReadonlySet<string> = new Set([
  "9p",
  "afs",
  "beegfs",
  "ceph",
  "cifs",
  "coda",
  "dafs",
  "fhgfs",
  "gfs",
  "gfs2",
  "glusterfs",
  "gpfs",
  "kafs",
  "lustre",
  "ncpfs",
  "nfs",
  "nfs4",
  "ocfs2",
  "orangefs",
  "panfs",
  "prl_fs",
  "pvfs2",
  "smb2",
  "smb3",
  "smbfs",
  "vboxsf",
  "virtiofs",
  "vmhgfs",
  "wekafs",
])

/** FUSE kinds over something local. Any other program behind FUSE may fetch its files from anywhere. */
const LOCAL_FUSE_KINDS: ReadonlySet<string> = new Set([
  "fuse.bindfs",
  "fuse.encfs",
  "fuse.ext2",
  "fuse.ext4",
  "fuse.fuse-overlayfs",
  "fuse.gocryptfs",
  "fuse.mergerfs",
  "fuse.ntfs-3g",
  "fuse.securefs",
])

/** Whether files on this kind of filesystem can be reached past this kernel. Unknown kinds are not: their locks are probed. */
export function isSharedKind(kind: string): boolean {
  if (kind === "fuseblk") return false
  if (kind === "fuse" || kind.startsWith("fuse.")) return !LOCAL_FUSE_KINDS.has(kind)
  return SHARED_KINDS.has(kind)
}

/** Reads /proc/self/mountinfo; a line that is none is passed over. */
export function parseMounts(mountinfo: string): readonly Mount[] {
  const mounts: Mount[] = []
  for (const line of mountinfo.split("\n")) {
    // id, parent, device, root, mount point, options, any number of optional fields, "-", kind, source, options.
    const fields = line.split(" ")
    const separator = fields.indexOf("-", 6)
    const point = fields[4]
    const kind = fields[separator + 1]
    if (separator === -1 || point === undefined || kind === undefined || kind === "") continue
    mounts.push({ point: unescapePath(point), kind })
  }
  return mounts
}

/** The mount a real path lies on: the longest mount point above it, and of equal ones the last, which covers the others. */
export function findMount(mounts: readonly Mount[], realPath: string): Mount | null {
  let found: Mount | null = null
  for (const mount of mounts) {
    if (!isWithin(realPath, mount.point)) continue
    if (found === null || mount.point.length >= found.point.length) found = mount
  }
  return found
}

function isWithin(path: string, folder: string): boolean {
  return folder === "/" || path === folder || path.startsWith(`${folder}/`)
}

/** The kernel writes a space, a tab, a line break and a backslash as three octal digits. */
function unescapePath(escaped: string): string {
  return escaped.replace(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
