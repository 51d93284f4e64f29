using System.Text.Json.Serialization;

namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>The JSON of all replies, made when this is compiled: reflection would cost a tenth of a second at each start.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ErrorReply))]
[JsonSerializable(typeof(InitReply))]
[JsonSerializable(typeof(UnlockReply))]
[JsonSerializable(typeof(LockReply))]
[JsonSerializable(typeof(StatusReply))]
[JsonSerializable(typeof(PutReply))]
[JsonSerializable(typeof(GetReply))]
[JsonSerializable(typeof(SessionsReply))]
[JsonSerializable(typeof(VerifyReply))]
[JsonSerializable(typeof(RepairReply))]
[JsonSerializable(typeof(ReleaseReply))]
[JsonSerializable(typeof(AcceptReply))]
[JsonSerializable(typeof(AuditShowReply))]
[JsonSerializable(typeof(AuditStateReply))]
[JsonSerializable(typeof(ServeReply))]
[JsonSerializable(typeof(PairReply))]
[JsonSerializable(typeof(PairingsReply))]
[JsonSerializable(typeof(UnpairReply))]
[JsonSerializable(typeof(DigitsReply))]
[JsonSerializable(typeof(IsYoursReply))]
[JsonSerializable(typeof(ReviewReply))]
[JsonSerializable(typeof(WordsReply))]
[JsonSerializable(typeof(RecoverReply))]
[JsonSerializable(typeof(PassphraseReply))]
[JsonSerializable(typeof(RotateReply))]
[JsonSerializable(typeof(ShredReply))]
internal sealed partial class ReplyJson : JsonSerializerContext;
