namespace VmPod.Sync.Mirror;

/// <summary>What a frame is (S-162). Numbers are never reused.</summary>
internal enum MirrorType : byte
{
    Hello = 1,
    Begin = 2,
    State = 3,
    Ids = 4,
    IdList = 5,
    Question = 6,
    Answer = 7,
    Get = 8,
    Cell = 9,
    Put = 10,
    Flush = 11,
    Flushed = 12,
    GetLog = 13,
    Bytes = 14,
    PutLog = 15,
    TakeHead = 16,
    GetAudit = 17,
    GetCheckpoint = 18,
    PutAudit = 19,
    TakeAudit = 20,
    Done = 21,
    Judge = 22,
    Verdict = 23,
    Alarm = 24,
    Free = 25,
    Freed = 26,
    Error = 27,
    Bye = 28,
}
