#!/usr/bin/env bash
# A Slurm of two nodes on this machine for as long as a command runs: tests/slurm.sh COMMAND...
#
# Debian's packages, installed if they are not there; needs root. All daemons live in a process namespace
# and die with it. Configuration, key and state are in a temporary folder, mounted over /etc/slurm in a
# mount namespace of its own. A node is a process namespace in it: `kill $(cat $SLURM_STATE/n1.pid)` is its power cut.
set -euo pipefail

if [ "$1" != --inside ]; then
	[ "$(id -u)" = 0 ] || { echo "tests/slurm.sh needs root" >&2; exit 1; }
	if ! command -v slurmctld slurmd munged sbatch >/dev/null; then
		export DEBIAN_FRONTEND=noninteractive
		apt-get -qq update && apt-get -qq install --yes --no-install-recommends slurm-wlm munge
	fi >/dev/null
	SLURM_STATE=$(mktemp -d)
	export SLURM_STATE
	unshare --mount --pid --fork --kill-child --mount-proc "$0" --inside "$@" &
	trap 'kill -KILL $! 2>/dev/null || true; rm -rf "$SLURM_STATE"' EXIT
	wait $!
	exit
fi

shift
cd "$SLURM_STATE"
mkdir etc state n1 n2
head -c 1024 /dev/urandom >munge.key
chmod 400 munge.key
mount --bind etc /etc/slurm
cat >etc/slurm.conf <<-CONF
	ClusterName=test
	SlurmctldHost=$(hostname)(127.0.0.1)
	SlurmctldPort=46817
	SlurmUser=root
	SlurmdUser=root
	AuthType=auth/munge
	AuthInfo=socket=$PWD/munge.socket,cred_expire=20
	StateSaveLocation=$PWD/state
	SlurmdSpoolDir=$PWD/%n
	SlurmctldPidFile=$PWD/slurmctld.pid
	SlurmdPidFile=$PWD/slurmd-%n.pid
	ProctrackType=proctrack/linuxproc
	TaskPlugin=task/none
	SelectType=select/cons_tres
	SelectTypeParameters=CR_Core_Memory
	MpiDefault=none
	JobAcctGatherType=jobacct_gather/none
	AccountingStorageType=accounting_storage/none
	SlurmdParameters=config_overrides
	GresTypes=gpu
	ReturnToService=2
	MinJobAge=3600
	KillWait=5
	SlurmdTimeout=10
	NodeName=n1 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=46818 CPUs=4 RealMemory=64000 Gres=gpu:1
	NodeName=n2 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=46819 CPUs=4 RealMemory=64000 Gres=gpu:1
	PartitionName=test Nodes=n1,n2 MaxTime=UNLIMITED DefMemPerCPU=1000
CONF
echo "NodeName=n[1-2] Name=gpu File=/dev/null" >etc/gres.conf # as if each had a GPU

munged --force --key-file="$PWD/munge.key" --socket="$PWD/munge.socket" --pid-file="$PWD/munged.pid" \
	--log-file="$PWD/munged.log" --seed-file="$PWD/munge.seed"
slurmctld -D >slurmctld.log 2>&1 &
for node in n1 n2; do
	unshare --pid --fork --kill-child --mount-proc slurmd -D -N $node >$node.log 2>&1 &
	echo $! >$node.pid
done
for _ in $(seq 60); do
	[ "$(sinfo --noheader --states=idle --format=%D 2>/dev/null)" = 2 ] && break
	sleep 1
done
sinfo --Node --long || true
[ "$(sinfo --noheader --states=idle --format=%D)" = 2 ] || { tail -n 20 ./*.log >&2; exit 1; }
cd "$OLDPWD"
"$@"
