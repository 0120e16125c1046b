# Ce que disent les pages, en français. Des phrases courtes, adressées à la personne qui lit.

# Autour de chaque page
skip = Aller au contenu
ways = Principal
admin = Demandes
log-in = Se connecter
log-out = Se déconnecter
register = Créer un compte
footer = Servi par Shoal, logiciel libre. Ni pistage, ni publicité.
language = Langue

# Listes
videos = Vidéos
empty-title = L’étagère est vide
empty-how = Posez-y la première vidéo depuis un terminal sur ce serveur :
empty-then = Elle apparaît ici dès que sa plus petite taille est prête, avec le même dossier --data que ce serveur.
making = d’autres tailles arrivent
pages = Pages
newer = Plus récentes
older = Plus anciennes
age-now = à l’instant
age-minute = { $count ->
    [one] il y a 1 minute
   *[other] il y a { $count } minutes
}
age-hour = { $count ->
    [one] il y a 1 heure
   *[other] il y a { $count } heures
}
age-day = { $count ->
    [one] il y a 1 jour
   *[other] il y a { $count } jours
}
age-week = { $count ->
    [one] il y a 1 semaine
   *[other] il y a { $count } semaines
}
age-month = il y a { $count } mois
age-year = { $count ->
    [one] il y a 1 an
   *[other] il y a { $count } ans
}

# Une vidéo
share-title = La montrer sur votre page
share-how = Collez ceci là où la vidéo doit être :
copy = Copier
copied = Copié
copy-by-hand = Appuyez sur Ctrl+C pour copier
source-title = D’où elle vient
source-off = Cette vidéo est gardée sur { $name } et n’est envoyée que de là.
source-receive = Cette vidéo est gardée sur { $name }. Le lecteur en reçoit des parties d’autres personnes qui la regardent, et n’en donne pas, sauf si c’est désactivé dans le lecteur.
source-full = Cette vidéo est gardée sur { $name }. Les personnes qui la regardent s’en envoient des parties, sauf si c’est désactivé dans le lecteur.
source-ask = Cette vidéo est gardée sur { $name }. Les personnes qui la regardent s’en envoient des parties si elles ont dit oui dans le lecteur.
sizes = Tailles
quality = Qualité
picture = Image
file = Fichier
other-players = Pour d’autres lecteurs :

# Entrer
username = Nom d’utilisateur
username-hint = Lettres minuscules, chiffres et _ ; au milieu aussi . et -. Les autres le voient, et il reste.
username-or-email = Nom d’utilisateur ou adresse électronique
display-name = Nom
display-name-hint = Ce que voient les autres ; vous pourrez le changer.
email = Adresse électronique
email-hint = Personne d’autre ne la voit.
password = Mot de passe
password-hint = Au moins 8 caractères.
reason = Pourquoi voulez-vous un compte ici ?
reason-hint = Une personne de la modération le lit.
no-account = Pas encore de compte ?
register-closed = Ce site ne donne pas de compte de lui-même. Demandez à qui le tient.
register-approval = Ici, la modération décide des nouveaux comptes.
register-waiting = Votre demande est chez les modérateurs. Vous pourrez vous connecter dès que l’un d’eux aura dit oui.
register-done = Votre compte est là. Connectez-vous.

# Réglages
settings = Réglages
settings-profile = Vous
settings-username = Vous vous connectez comme { $name }.
settings-access = Mot de passe et adresse
about-you = À propos de vous
markdown-hint = Le Markdown marche : **gras**, [un lien](https://example.org).
choose-sharing = Mon lecteur peut partager les vidéos avec d’autres spectateurs, qui voient alors mon adresse IP
choose-history = Retenir ce que je regarde, pour reprendre où je me suis arrêté
choose-autoplay = Lancer les vidéos d’elles-mêmes
choose-sensitive = Les vidéos sensibles
sensitive-hidden = ne sont pas dans les listes
sensitive-blurred = ont une image floutée
sensitive-shown = sont comme les autres
new-password = Nouveau mot de passe
new-password-hint = Laissez vide pour garder l’ancien. Un nouveau met fin à vos autres sessions.
current-password = Votre mot de passe actuel
save = Enregistrer
saved = Enregistré.
sessions = Où vous êtes connecté
sessions-about = Chaque ligne est un navigateur ou un programme. Mettez fin à ceux que vous ne connaissez pas, et choisissez un nouveau mot de passe.
session-this = ce navigateur
farewell = Partir pour de bon
farewell-about = Votre compte, vos chaînes et toutes leurs vidéos disparaissent alors, pour tout le monde, et d’autres pourront prendre vos noms.
farewell-do = Supprimer mon compte
session-end = Mettre fin

# Tenir la maison
registrations = Demandes de compte
registrations-none = Personne n’attend.
registration-answer = Réponse, si vous voulez en donner une
accept = Accepter
reject = Refuser

# Ce qui n’a pas marché
missing-title = Rien ici
missing-heading = Rien à cette adresse
missing-text = La vidéo a peut-être été retirée, ou l’adresse contient une erreur.
missing-way = Voir ce qu’il y a
refusal-title = Ce n’est pas possible
error-fields = Quelque chose est à revoir : regardez plus bas.
error-credentials = Le nom d’utilisateur ou le mot de passe est faux.
error-blocked = Ce compte est bloqué.
error-waiting = La modération n’a pas encore décidé de votre compte.
error-refused = La modération a refusé ce compte.
error-password = Votre mot de passe actuel est faux.
error-taken = Quelqu’un a déjà ce nom d’utilisateur ou cette adresse.
error-too-many = Trop d’essais. Réessayez dans { $count } secondes.
error-forbidden = Vous ne pouvez pas faire cela.
error-another-site = Cela vient d’une page d’un autre site, qui ne peut pas agir en votre nom.
error-not-found = Cela n’est pas là, ou plus.
error-conflict = Quelqu’un a été plus rapide : les choses ont changé. Regardez à nouveau.
error-held-above = Ce à quoi ce commentaire répond attend aussi une approbation. Approuvez-le d’abord.
error-busy = Trop de monde à la fois. Réessayez dans un instant.
error-body = Ce qui est venu du formulaire est illisible. Réessayez.
error-ours = Quelque chose ne va pas de notre côté. Ce n’est pas vous.
field-missing = À remplir.
field-short = Au moins { $count } caractères.
field-long = Au plus { $count } caractères.
field-name = Lettres minuscules, chiffres et _ ; au milieu aussi . et -.
field-reserved = Ce nom est gardé pour le site lui-même.
field-email = Ce n’est pas une adresse électronique.
field-control = Il contient des caractères que personne ne voit.
field-choice = Choisissez parmi ce qui est proposé.
field-above = Au plus { $count }.
field-many = Pas plus de { $count }.

# Trouver
search = Chercher
search-title = Vidéos sur « { $name } »
search-nothing = Rien n’a été trouvé. D’autres mots peuvent aider.
search-log-in = Cela désigne quelque chose sur un autre serveur. Connectez-vous, et on l’y cherchera.
search-wait = Vous avez beaucoup cherché sur d’autres serveurs. Réessayez dans { $count } secondes.
order = Ordre
order-match = Ce qui correspond le mieux d’abord : les titres, puis les descriptions ; à égalité, le plus récent.
order-published = La plus récente d’abord.
order-published-ascending = La plus ancienne d’abord.
order-created = La dernière envoyée d’abord.
order-created-ascending = La première envoyée d’abord.
order-originally-published = La dernière faite d’abord.
order-originally-published-ascending = La première faite d’abord.
order-views = La plus regardée d’abord.
order-views-ascending = La moins regardée d’abord.
order-trending = La plus regardée des sept derniers jours d’abord.
order-trending-ascending = La moins regardée des sept derniers jours d’abord.
order-likes = La plus aimée d’abord.
order-likes-ascending = La moins aimée d’abord.
order-duration = La plus longue d’abord.
order-duration-ascending = La plus courte d’abord.
order-name = De Z à A.
order-name-ascending = De A à Z.
tab-newest = Récentes
tab-trending = Cette semaine
tab-views = Plus regardées
tab-likes = Plus aimées
views = { $count ->
    [one] { $count } vue
   *[other] { $count } vues
}
likes = { $count ->
    [one] { $count } j’aime
   *[other] { $count } j’aime
}
subscribers = { $count ->
    [one] { $count } personne abonnée
   *[other] { $count } personnes abonnées
}
seen = Regardé
privacy = Qui peut la voir
privacy-public = Tout le monde
privacy-unlisted = Qui a l’adresse
privacy-private = Vous seul et les gens de votre chaîne
privacy-internal = Qui a un compte ici
privacy-password = Qui connaît un mot de passe
state-making = en préparation
state-failed = échouée
channel-empty = Il n’y a encore rien ici.
subscribe = S’abonner
unsubscribe = Se désabonner
dislike = Je n’aime pas
disliked = Pas aimée
chapters = Chapitres
support = Comment la soutenir
support-hint = Montré avec la vidéo : où l’on peut donner quelque chose.
not-ready = Cette vidéo n’est pas encore prête. Qui l’a envoyée voit où elle en est.
locked = Un mot de passe ouvre cette vidéo
locked-wrong = Ce n’est pas le mot de passe.
unlock = Ouvrir

# Ce qui est à vous
library = Bibliothèque
my-videos = Mes vidéos
my-videos-none = Vous n’avez encore rien publié.
my-channels = Mes chaînes
subscriptions = Abonnements
history = Historique
history-on = Ce que vous regardez est retenu ici, pour vous seul.
history-off = Ce que vous regardez n’est pas retenu.
history-forget = Tout oublier
library-empty = Il n’y a encore rien ici.
quota-used = { $used } envoyés
quota-of = { $used } envoyés sur { $most }
watch = Regarder
edit = Modifier
upload = Envoyer
upload-about = Le fichier part par morceaux. Si la connexion se coupe, il reprend de lui-même ; si vous fermez cette page, choisissez à nouveau le même fichier.
upload-needs-script = Envoyer depuis cette page demande des scripts. Un programme peut s’en passer : voyez l’API.
upload-pause = Pause
upload-waiting = La connexion est perdue. L’envoi reprend dès qu’elle revient.
upload-resumed = Reprise là où l’envoi s’était arrêté.
upload-done = Tout est là. La vidéo se prépare.
upload-refused = L’envoi n’a pas pu se faire :
uploading = Envoi :
title = Titre
channel = Chaîne
handle = Identifiant
channel-new = Une chaîne de plus
channel-make = Créer la chaîne
description = Description
description-hint = Le Markdown marche. Des lignes comme 0:00 Début, trois ou plus, deviennent des chapitres.
tags = Étiquettes
tags-hint = Cinq au plus, séparées par des virgules.
category = Catégorie
licence = Licence
spoken = Langue
sensitive = Pas pour tout le monde : violence, nudité ou autre
download-enabled = Tout le monde peut avoir le fichier
wait-transcoding = Ne la publier que quand toutes les tailles sont faites
video-password = Mot de passe
video-password-hint = Pour « qui connaît un mot de passe » : un par ligne. Laissez vide pour garder les anciens.
comments = Commentaires
comments-all = Tout le monde peut commenter
comments-none = Personne ne peut commenter
comments-approval = Après que vous les avez lus
schedule = La rendre publique d’elle-même le
schedule-hint = UTC. Vide, c’est jamais.
stage = Étape
stage-queued = Elle attend son tour.
stage-probing = Le fichier est examiné.
stage-transcoding = Les tailles se font.
stage-published = Toutes les tailles sont faites.
stage-failed = Elle n’a pas pu être faite :
stage-progress = Avancement
retry = Réessayer
delete = La retirer
delete-about = La vidéo et son fichier disparaissent alors, pour tout le monde.
delete-video = Supprimer cette vidéo
delete-channel-about = La chaîne et toutes ses vidéos disparaissent alors, pour tout le monde.
delete-channel = Supprimer cette chaîne

# Qui est là, et ce que fait la machine
users = Utilisateurs
jobs = Travaux et disque
jobs-none = Il n’y a pas de travail, et il n’y en a pas eu récemment.
disk = { $used } libres sur { $most } de disque.
role = Rôle
role-administrator = Administration
role-moderator = Modération
role-user = Utilisateur
used = Envoyé
last-login = Dernière connexion
never = jamais
attempts = Essais
block = Mettre dehors
unblock = Laisser revenir
blocked = Mis dehors
block-reason = Raison

# Images des comptes et des chaînes
picture-hint = JPEG, PNG ou WebP, jusqu’à 4 Mo. Elle est découpée en carré.
picture-now = L’image actuelle
picture-file = Fichier
picture-set = Utiliser cette image
picture-remove = Retirer l’image
picture-refused = Cette image ne peut pas être utilisée. Il faut un JPEG, PNG ou WebP d’au plus 4 Mo et 40 mégapixels.
banner = Image large
banner-hint = Au-dessus de la page de la chaîne. Elle est découpée six fois plus large que haute.

# Vidéos à une adresse
import = Ou à partir d’une adresse
import-about = La vidéo est récupérée en arrière-plan ; vous pouvez fermer cette page.
import-url = Adresse du fichier
import-url-hint = Elle commence par https:// et mène au fichier vidéo lui-même, pas à une page qui le montre.
import-name-hint = Vide : comme le fichier s’appelle.
import-do = La récupérer
imports = En route vers ici
import-waiting = attend
import-fetching = est récupérée
import-cancelled = arrêtée
import-failed = n’a pas pu être récupérée
import-cancel = Arrêter
import-forget = L’oublier

# Ce que l’instance dit d’elle-même
about = À propos de ce site
about-facts = En bref
about-rules = Règles de la maison
about-terms = Conditions d’utilisation
about-moderation = Modération
about-administrator = Qui s’en occupe
about-reason = Pourquoi elle existe
about-lifetime = Pour combien de temps
about-business = Qui la finance
about-hardware = Sur quoi elle tourne
about-sensitive = La plupart des contenus sont sensibles.
about-languages = Langues parlées ici : { $name }
about-categories = Surtout à propos de : { $name }
about-closed = Les comptes sont donnés par la personne qui s’en occupe.
about-open = Tout le monde peut avoir un compte.
about-approval = Les demandes de compte sont acceptées par la modération.
about-contact = Contact : { $name }
about-programs = Pour les programmes : la description de l’API (OpenAPI)

# Courriers, codes et ce qu’on emporte
forgotten = Mot de passe oublié ?
forgotten-about = Nous envoyons un lien à votre adresse électronique, par lequel vous en choisissez un autre.
forgotten-sent = Si quelqu’un ici a cette adresse, un message est en route. Son lien est valable une heure.
send-mail = Envoyer le message
reset = Choisir un autre mot de passe
reset-done = Votre nouveau mot de passe est enregistré, et toutes vos sessions sont terminées. Connectez-vous avec lui.
verify = Cette adresse est-elle la vôtre ?
verify-about = Un clic dit que vous lisez ce qui est envoyé à cette adresse.
verify-do = Oui, c’est la mienne
verify-done = Merci. Votre adresse est confirmée.
verify-again = Recevoir le message à nouveau
verify-again-about = Le lien qui confirme votre adresse est valable un jour. Ici vous en recevez un autre.
verify-sent = Si quelqu’un ici doit encore confirmer cette adresse, un message est en route.
register-verify = Un message avec un lien est en route vers vous. Suivez-le, pour que nous sachions que l’adresse est la vôtre.
email-pending = { $name } devient votre adresse dès que vous suivez le lien qui y a été envoyé.
code = Code
code-about = Votre mot de passe est bon. Maintenant les six chiffres que montre votre téléphone.
code-lost = Si vous avez perdu le téléphone, demandez à qui tient ce site.
settings-more = Sécurité, et ce qui est à vous
state-on = activée
state-off = désactivée
two-factor = Connexion avec un code
two-factor-off = Un programme sur votre téléphone fait un nouveau code chaque demi-minute, et personne n’entre sans lui, même avec votre mot de passe.
two-factor-on = Chaque connexion demande un code de votre téléphone.
two-factor-begin = La préparer
two-factor-scan = Lisez cette image avec un programme de codes sur votre téléphone.
two-factor-picture = Code QR avec le secret ci-dessous
two-factor-type = Ou tapez-y ce secret :
two-factor-confirm = Activer
two-factor-disable = Désactiver
export = Emporter ce qui est à vous
export-about = Votre compte, vos chaînes, les descriptions de vos vidéos, les sous-titres, l’historique, les mentions et les abonnements, dans un fichier ZIP que des programmes savent lire.
export-files = Les fichiers vidéo aussi
export-begin = Faire le fichier
export-waiting = Il attend son tour.
export-running = Il est en train d’être fait.
export-done = Il est prêt.
export-failed = Il n’a pas pu être fait. Supprimez-le, et réessayez sans les fichiers vidéo ou plus tard.
export-fetch = Le télécharger ({ $name })
export-until = Il reste ici jusqu’au { $name }.
export-look = Regarder à nouveau
export-delete = Le supprimer
mail-greeting = Bonjour { $name },
mail-verify-subject = Confirmez votre adresse pour { $name }
mail-verify-how = suivez ce lien, pour que nous sachions que cette adresse est la vôtre : { $link }
mail-not-you = Si vous ne savez pas de quoi il s’agit, quelqu’un s’est trompé d’adresse. Alors ne faites rien.
mail-reset-subject = Votre mot de passe pour { $name }
mail-reset-how = quelqu’un, sans doute vous, a oublié un mot de passe. Ce lien en choisit un autre, pendant une heure : { $link }
mail-reset-not-you = Si ce n’était pas vous, ne faites rien : votre mot de passe reste tel quel.
mail-accepted-subject = Votre compte chez { $name }
mail-accepted-how = une modératrice ou un modérateur a accepté votre compte. Connectez-vous ici : { $link }
mail-refused-subject = Votre demande chez { $name }
mail-refused-how = une modératrice ou un modérateur a décidé contre un compte pour vous.
error-unverified = Suivez d’abord le lien de notre message : il confirme que l’adresse est la vôtre.
error-code = Ce n’est pas le code, ou il a déjà servi. Attendez le suivant.
error-ticket = C’est trop vieux ou a déjà servi. Recommencez.
error-no-mail = Ce site n’envoie pas de courrier. Demandez à qui le tient.

talk-title = { $count ->
    [0] Pas encore de commentaire
    [one] 1 commentaire
   *[other] { $count } commentaires
}
talk-more = { $count ->
    [one] 1 autre réponse
   *[other] { $count } autres réponses
}
talk-closed = Personne ne peut commenter cette vidéo.
talk-all = Tous les commentaires
talk-waiting = Ceux qui attendent une approbation
talk-mine = Sous mes vidéos
talk-said = Ce que j’ai dit
talk-none = Rien n’a encore été dit.
comment-say = Dites quelque chose
comment-send = Envoyer
comment-log-in = Connectez-vous pour commenter
comment-logged-out = Vous n’êtes plus connecté. Connectez-vous à côté de cette page, puis renvoyez-le.
comment-answer = Répondre
comment-your-answer = Votre réponse
comment-approve = Approuver
comment-delete = Supprimer
comment-delete-what = Supprimer ce commentaire
comment-owner = à qui est la vidéo
comment-deleted = Ce commentaire a été supprimé.
comment-hidden = Ce commentaire n’est pas montré.
hidden-video = une vidéo qui ne vous est pas montrée
comment-edited = modifié
comment-held = attend une approbation
comment-refused = caché aux autres
my-comments = Commentaires
admin-comments = Commentaires

# Autres serveurs
federation = Autres serveurs
federation-off = Ce site ne rencontre aucun autre serveur : c’est désactivé, ou son adresse publique ne leur est pas accessible.
following = Ce site en suit { $count }
following-caption = Qui ce site suit
follow = Suivre
follow-whom = Suivre un serveur, une chaîne ou quelqu’un (tube.example, nom@tube.example, ou une adresse)
follow-nobody = Personne à suivre n’y a été trouvé.
follow-off = Ce site ne rencontre aucun autre serveur.
follow-blocked = Ce serveur, ou ce compte, est bloqué ici.
follow-away = Ce serveur est injoignable pour l’instant, ou il n’en existe pas de ce nom.
follow-asked = attend une réponse
follow-given = accepté
follow-refused = refusé
follows-whom = veut suivre { $name }
unfollow = Ne plus suivre
unfollow-whom = Ne plus suivre { $name }
accept-whom = Accepter { $name }
reject-whom = Refuser { $name }
followers = { $count } suivent ce qui est ici
followers-caption = Qui suit ce qui est ici
backfills = Ce qui est connu de leurs vidéos
backfill = { $count } connues
backfill-of = { $used } sur { $most } connues
queues = Ce qui reste à livrer
queues-none = Rien n’attend.
queue-waiting = { $count } à livrer
queue-given-up = { $count } abandonnées
queue-failures = { $count ->
    [one] Un échec
   *[other] { $count } échecs de suite
}
next-try = { $count ->
    [one] prochain essai dans la minute
   *[other] prochain essai dans { $count } minutes
}
retry-now = Essayer maintenant
retry-whom = Livrer à { $name } maintenant
forget = Oublier
forget-whom = Oublier ce qui a été abandonné pour { $name }
blocks = Serveurs et personnes bloqués
block-whom = Serveur, ou nom@serveur
block-nobody = Rien n’a été bloqué : écrivez le nom d’un serveur, ou nom@serveur.
block-them = Bloquer
unblock-them = Ne plus bloquer
unblock-whom = Ne plus bloquer { $name }
instances = Autres sites
instances-about = Les sites que celui-ci rencontre, et ce que chacun dit de lui-même.
instances-none = Aucun pour l’instant.
instances-open = accueille du monde
instances-closed = n’accueille personne
previous = Précédents
next = Suivants

notices = Notifications
notices-none = Rien ne s’est encore passé.
notices-read = J’ai tout lu
notices-unread = { $count ->
    [one] 1 nouveauté
   *[other] { $count } nouveautés
}
notice-comment = { $name } a commenté
notice-mention = { $name } s’adresse à vous sous
notice-follow = { $name } suit { $what }
notice-new = nouveau
reports = Signalements
reports-open = Ceux qui sont ouverts
reports-all = Tous les signalements
reports-none = Rien n’est signalé.
report-open = ouvert
report-refused = refusé
report-accepted = accepté
report-said = Ce qui a été dit :
report-note = Note pour la modération
report-accept = Accepter
report-refuse = Refuser
report-reopen = Rouvrir
report-link = Signaler
report-title = Signaler
report-comment = Vous signalez un commentaire à la modération.
report-video = Vous signalez une vidéo à la modération.
report-back = Retour à la vidéo
report-reason = Qu’est-ce qui ne va pas ?
report-forward = Prévenir aussi la modération de { $name }, sans mon nom
report-send = Envoyer
report-done = Merci. Quelqu’un va regarder.

elsewhere-page = La même sur { $name }
elsewhere-actor = Page sur son propre serveur
tab-here = D’ici seulement
follow-from-elsewhere = Suivre depuis un autre serveur
follow-your-handle = Votre identifiant là-bas
follow-go = Y aller
follow-there = Continuez sur votre propre serveur :
follow-unknown = Ce serveur ne dit pas où continuer. L’identifiant est-il juste ? Il ressemble à vous@example.org.
follow-no-handle = Ce n’est pas un identifiant d’un autre serveur. Il ressemble à vous@example.org.
follow-back = Retour à la chaîne
comment-edit = Modifier
comment-your-words = Ce que vous dites
comment-save = Enregistrer
