import { describe, expect, it } from "vitest"
import { findMount, isSharedKind, parseMounts } from "./filesystem-kind.ts"

const MOUNTINFO = [
  "22 27 0:21 / /proc rw,relatime - proc proc rw",
  "27 1 254:0 / / rw,noatime shared:1 - ext4 /dev/vda rw",
  "30 27 0:30 / /mnt/share rw,relatime shared:2 master:1 - nfs4 server:/export rw,vers=4.2",
  String.raw`31 27 0:31 / /mnt/my\040disk\134x rw - cifs //server/share rw`,
  "32 30 8:1 / /mnt/share/local rw - xfs /dev/sdb1 rw",
  "33 27 0:33 / /mnt/stacked rw - ext4 /dev/sdc1 rw",
  "34 33 0:34 / /mnt/stacked rw - fuse.sshfs user@host: rw",
  "this is no mount",
  "35 27 0:35 / /torn rw -",
  "",
].join("\n")

describe("the mount a folder is on", () => {
  it.each([
    ["/srv/work", "ext4"],
    ["/", "ext4"],
    ["/mnt/share", "nfs4"],
    ["/mnt/share/deep/down", "nfs4"],
    ["/mnt/shared", "ext4"],
    ["/mnt/share/local/store", "xfs"],
    [String.raw`/mnt/my disk\x/store`, "cifs"],
    ["/mnt/stacked/store", "fuse.sshfs"],
    ["/torn/store", "ext4"],
  ])("is found for %s: %s", (path, kind) => {
    expect(findMount(parseMounts(MOUNTINFO), path)?.kind).toBe(kind)
  })

  it("is none where nothing is known", () => {
    expect(findMount(parseMounts(""), "/srv/work")).toBeNull()
  })
})

describe("a kind of filesystem", () => {
  it.each(
    [
      "nfs",
      "nfs4",
      "cifs",
      "smb3",
      "9p",
      "virtiofs",
      "ceph",
      "lustre",
      "afs",
      "gfs2",
      "ocfs2",
      "vboxsf",
      "fuse",
    ].concat(["fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.glusterfs", "fuse.vmhgfs-fuse", "fuse.something-new"]),
  )("is shared with other machines: %s", (kind) => {
    expect(isSharedKind(kind)).toBe(true)
  })

  it.each([
    "ext4",
    "xfs",
    "btrfs",
    "zfs",
    "tmpfs",
    "overlay",
    "f2fs",
    "apfs",
    "fuseblk",
    "fuse.mergerfs",
    "unheard-of",
  ])("is this machine's alone: %s", (kind) => {
    expect(isSharedKind(kind)).toBe(false)
  })
})
